/** The libraries that verify foreign hashes, alone, with the concurrency of one Postern process. */
import { hash, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { verify } from '@node-rs/argon2';
import { bcryptVerify } from 'hash-wasm';
import { importedHashes, type ImportedFamily } from '../imported.ts';
import { bounded } from './bounded.ts';
import { serverSettings } from './settings.ts';

const derive = {
  pbkdf2: promisify(pbkdf2),
  scrypt: promisify<string, string, number, object, Buffer>(scrypt),
};

const verifiers: Record<ImportedFamily, (password: string) => Promise<boolean>> = {
  bcrypt: (password) => bcryptVerify({ password, hash: importedHashes.bcrypt }),
  argon2i: (password) => verify(importedHashes.argon2i, password),
  async scrypt(password) {
    const [method, salt, expected] = importedHashes.scrypt.split('$') as [string, string, string];
    const [N, r, p] = method.split(':').slice(1).map(Number);
    const derived = await derive.scrypt(password, salt, 64, { N, r, p, maxmem: 2 ** 28 });
    return timingSafeEqual(derived, Buffer.from(expected, 'hex'));
  },
  async pbkdf2(password) {
    const [, rounds, salt, expected] = importedHashes.pbkdf2.split('$') as [string, string, string, string];
    const derived = await derive.pbkdf2(password, salt, Number(rounds), 32, 'sha256');
    return timingSafeEqual(derived, Buffer.from(expected, 'base64'));
  },
  async ssha(password) {
    const bytes = Buffer.from(importedHashes.ssha.slice('{SSHA}'.length), 'base64');
    const derived = hash('sha1', Buffer.concat([Buffer.from(password), bytes.subarray(20)]), 'buffer');
    return timingSafeEqual(derived, bytes.subarray(0, 20));
  },
};

createServer((request, response) => {
  const respond = async () => {
    const form = new URLSearchParams(await text(request));
    const verifier = verifiers[form.get('family') as ImportedFamily] as
      (typeof verifiers)['ssha'] | undefined;
    const right = verifier !== undefined && (await bounded(() => verifier(form.get('password') ?? '')));
    response.writeHead(right ? 204 : 401).end();
  };
  respond().catch(() => response.writeHead(500).end());
}).listen(serverSettings().port, '127.0.0.1');
