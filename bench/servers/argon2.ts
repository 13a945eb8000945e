/** argon2 alone: verifies a password with the parameters and the concurrency of one Postern process. */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { hash, verify } from '@node-rs/argon2';
import { argon2, bounded } from './bounded.ts';
import { serverSettings } from './settings.ts';

const { port, people } = serverSettings();
const cost = { memoryCost: argon2.memory, timeCost: argon2.time, parallelism: argon2.parallelism };

const stored = new Map<string | null, string>();
for (const { username, password } of people) stored.set(username, await hash(password, cost));

createServer((request, response) => {
  const respond = async () => {
    const form = new URLSearchParams(await text(request));
    const known = stored.get(form.get('username'));
    const right =
      known !== undefined && (await bounded(async () => verify(known, form.get('password') ?? '')));
    response.writeHead(right ? 204 : 401).end();
  };
  respond().catch(() => response.writeHead(500).end());
}).listen(port, '127.0.0.1');
