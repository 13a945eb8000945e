import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { atEnd } from './cleanup.ts';

/** Lets `server` listen until the end of the test file, by default on every address. */
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
