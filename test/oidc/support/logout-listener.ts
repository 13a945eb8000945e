import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt, type JWTPayload } from 'jose';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';

/** A client's back channel: records the logout tokens that it receives. */
export interface LogoutListener {
  uri: string;
  /** The status to answer; `hang` does not answer. */
  status: number | 'hang';
  /** Every token so far, accepted or not. */
  tokens: string[];
  types: (string | undefined)[];
  /** Waits until there are `count` tokens. */
  received(count: number): Promise<JWTPayload[]>;
}

export async function listenForLogout(): Promise<LogoutListener> {
  const port = await freePort();
  const listener: LogoutListener = {
    uri: `http://localhost:${port}/backchannel`,
    status: 200,
    tokens: [],
    types: [],
    async received(count) {
      while (listener.tokens.length < count) await sleep(20);
      return listener.tokens.map((token) => decodeJwt(token));
    },
  };
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (text: string) => (body += text));
    req.on('end', () => {
      listener.types.push(req.headers['content-type']);
      listener.tokens.push(new URLSearchParams(body).get('logout_token') ?? '');
      if (listener.status !== 'hang') res.writeHead(listener.status).end();
    });
  });
  await listenUntilEnd(server, port, 'localhost');
  return listener;
}
