import { Client } from 'undici';
import type { Target } from './target.ts';

export interface Reply {
  status: number;
  location: string | undefined;
  cookies: string[];
  body: string;
}

export interface Message {
  headers?: Record<string, string>;
  /** Sent as application/x-www-form-urlencoded. */
  form?: URLSearchParams | string;
  /** Sent as application/json. */
  json?: object;
}

/** A keep-alive connection with one request at a time, like that of a proxy or a busy client. */
export class Connection {
  readonly #client: Client;
  readonly #headers: Record<string, string>;

  constructor({ port, issuer }: Pick<Target, 'port' | 'issuer'>) {
    const { host, protocol } = new URL(issuer);
    this.#client = new Client(`http://127.0.0.1:${port}`, { pipelining: 1 });
    this.#headers = { host, 'x-forwarded-proto': protocol.slice(0, -1), 'x-forwarded-for': '192.0.2.1' };
  }

  async get(path: string, message: Message = {}): Promise<Reply> {
    return this.#send('GET', path, message);
  }

  async post(path: string, message: Message): Promise<Reply> {
    return this.#send('POST', path, message);
  }

  async patch(path: string, message: Message): Promise<Reply> {
    return this.#send('PATCH', path, message);
  }

  async delete(path: string, message: Message = {}): Promise<Reply> {
    return this.#send('DELETE', path, message);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #send(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    { headers, form, json }: Message,
  ): Promise<Reply> {
    const body = json === undefined ? form?.toString() : JSON.stringify(json);
    const kind = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
    const type = body === undefined ? {} : { 'content-type': kind };
    const response = await this.#client.request({
      method,
      path,
      headers: { ...this.#headers, ...type, ...headers },
      body: body ?? null,
    });
    const { location, 'set-cookie': cookies } = response.headers;
    return {
      status: response.statusCode,
      location: [location].flat()[0],
      cookies: cookies === undefined ? [] : [cookies].flat(),
      body: await response.body.text(),
    };
  }
}

/** @throws on any other status: a benchmark of error replies would measure nothing. */
export function expectStatus(reply: Reply, status: number, what: string): void {
  if (reply.status !== status) {
    throw new Error(`${what}: ${reply.status} instead of ${status}: ${reply.body.slice(0, 400)}`);
  }
}

/** @throws unless the form was accepted: a refusal redirects back to the form. */
export function expectAccepted(reply: Reply, what: string): void {
  expectStatus(reply, 303, what);
  if (reply.location?.includes('flash=')) throw new Error(`${what}: refused, back to ${reply.location}`);
}

/** HTTP Basic credentials of a client (RFC 6749 section 2.3.1). */
export const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;
