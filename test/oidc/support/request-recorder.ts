import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';

/** A server on loopback that records its requests. */
export interface RequestRecorder {
  port: number;
  /** Method and path of each request so far. */
  requests: string[];
  url(host?: string): string;
}

/** Starts a server on every address that replies with `answer`. */
export async function startRequestRecorder(answer: RequestListener): Promise<RequestRecorder> {
  const requests: string[] = [];
  const server: Server = createServer((req: IncomingMessage, res) => {
    requests.push(`${req.method} ${req.url}`);
    answer(req, res);
  });
  const port = await freePort();
  await listenUntilEnd(server, port);
  return { port, requests, url: (host = '127.0.0.1') => `http://${host}:${port}` };
}
