import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { atEnd } from './cleanup.ts';

/** Has `server` listen until the test file is through; on every address unless `host` is given. */
export async function listenUntilEnd(server: Server | TlsServer, port: number, host?: string): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
  atEnd(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
}
