import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Message {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

/** A webhook receiver on loopback that records requests by path. */
export async function startReceiver(
  answer: (res: ServerResponse, received: Received, count: number) => void,
) {
  const all: Received[] = [];
  const take = async (req: IncomingMessage, res: ServerResponse) => {
    const received = { path: req.url ?? '', headers: req.headers, body: await text(req) };
    all.push(received);
    answer(res, received, all.filter(({ path }) => path === received.path).length);
  };
  const server = createServer((req, res) => void take(req, res));
  const port = await freePort();
  await listenUntilEnd(server, port);
  return {
    url: (path: string) => `http://127.0.0.1:${port}${path}`,
    at: (path: string) => all.filter((one) => one.path === path),
  };
}

/** The content as the reference implementation verifies it. @throws if it does not. */
export const verified = ({ headers, body }: Received, secret: string): Message =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as Message;
