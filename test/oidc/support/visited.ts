import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { atEnd } from '../../support/cleanup.ts';
import { freePort } from '../../support/ports.ts';

/** A server on loopback that remembers who came. */
export interface Visited {
  port: number;
  /** The method and path of each request so far. */
  requests: string[];
  url(host?: string): string;
}

/** Starts a server on every address that answers with `answer`. */
export async function startVisited(answer: RequestListener): Promise<Visited> {
  const requests: string[] = [];
  const server: Server = createServer((req: IncomingMessage, res) => {
    requests.push(`${req.method} ${req.url}`);
    answer(req, res);
  });
  server.listen(await freePort());
  await once(server, 'listening');
  atEnd(async () => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { port, requests, url: (host = '127.0.0.1') => `http://${host}:${port}` };
}
