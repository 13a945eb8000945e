/** The legacy service: one bcrypt hash for all accounts, verified with Postern's concurrency. */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { bcryptVerify } from 'hash-wasm';
import { importedHashes } from '../imported.ts';
import { bounded } from './bounded.ts';
import { serverSettings } from './settings.ts';

const server = createServer((request, response) => {
  const respond = async () => {
    const form = new URLSearchParams(await text(request));
    const name = form.get('login') ?? '';
    const password = form.get('password') ?? '';
    const right =
      name !== '' && (await bounded(() => bcryptVerify({ password, hash: importedHashes.bcrypt })));
    response.writeHead(right ? 200 : 401, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(right ? { user: { id: name, login: name, mail: `${name}@old.example` } } : {}),
    );
  };
  respond().catch(() => response.writeHead(500).end());
});
// Keep idle connections open: other servers take their turns meanwhile.
server.keepAliveTimeout = 60_000;
server.listen(serverSettings().port, '127.0.0.1');
