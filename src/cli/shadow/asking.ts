import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { differencesOf, type Observed } from './compare.ts';
import { Credentials } from './credentials.ts';
import type { Asked, Findings } from './findings.ts';

/** Maximum concurrent requests to Postern, and maximum waiting ones. */
const MAX_REQUESTS = { running: 8, waiting: 256 };

/** Idle timeout of a connection, in milliseconds. */
const IDLE = 3_000;

/** Timeout of a request to Postern, in milliseconds. */
const TIMEOUT = 30_000;

const MAX_REPLY_BYTES = 1_048_576;

/** A request that the old service has answered. */
export interface Told {
  asked: (Asked & { effect: 'none' | 'login' | 'change' }) | null;
  method: string;
  url: string;
  headers: Record<string, string>;
  ip: string;
  /** Null where it was too large. */
  request: Buffer | null;
  status: number;
  replyHeaders: NodeJS.Dict<string[]>;
  reply: Buffer | null;
}

/** Header fields forwarded to Postern, with translated credentials. */
const PASSED = [
  'accept',
  'accept-language',
  'authorization',
  'content-type',
  'cookie',
  'origin',
  'user-agent',
];
const DECODERS: Record<string, (data: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

interface AskingOptions {
  /** The base URL of Postern's contract. */
  postern: string;
  /** The API key for Postern, where the contract needs one. */
  apiKey: string | undefined;
  findings: Findings;
}

/** Repeats a request to Postern after the old service has answered, and compares the replies. */
export class Asking {
  readonly #postern: string;
  readonly #transport: typeof http | typeof https;
  readonly #agent: http.Agent;
  readonly #apiKey: string | undefined;
  readonly #findings: Findings;
  readonly #credentials = new Credentials();
  readonly #waiting: Told[] = [];
  readonly #logins = new Set<Promise<void>>();
  #running = 0;
  #idle: (() => void)[] = [];

  constructor({ postern, apiKey, findings }: AskingOptions) {
    this.#postern = postern.replace(/\/$/, '');
    this.#transport = postern.startsWith('https:') ? https : http;
    this.#agent = new this.#transport.Agent({
      keepAlive: true,
      maxSockets: MAX_REQUESTS.running,
      timeout: IDLE,
    });
    this.#apiKey = apiKey;
    this.#findings = findings;
  }

  take(told: Told): void {
    const reason = this.#reasonNot(told);
    if (reason) return this.#findings.skip(reason);
    if (this.#waiting.length >= MAX_REQUESTS.waiting) return this.#findings.skip('too many at once');
    this.#waiting.push(told);
    this.#next();
  }

  /** Resolves when every accepted request has been compared. */
  async settled(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => void this.#idle.push(resolve));
  }

  async #ask(
    method: string,
    url: string,
    body: string | undefined,
    headers: Record<string, string>,
  ): Promise<{ status: number; headers: NodeJS.Dict<string[]>; body: Buffer }> {
    const request = this.#transport.request(`${this.#postern}${url}`, {
      agent: this.#agent,
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      timeout: TIMEOUT,
    });
    request.once('timeout', () =>
      request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    request.end(body);
    const [reply] = (await once(request, 'response')) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of reply) {
      size += (chunk as Buffer).length;
      if (size > MAX_REPLY_BYTES) throw new Error(`the reply has more than ${MAX_REPLY_BYTES} bytes`);
      chunks.push(chunk as Buffer);
    }
    return { status: reply.statusCode ?? 0, headers: reply.headersDistinct, body: Buffer.concat(chunks) };
  }

  #reasonNot({ asked, request, reply, headers, status }: Told) {
    if (!asked) return 'no such operation';
    if (asked.effect === 'change') return 'changes something';
    if (request === null || reply === null) return 'a large body';
    return status === 304 || headers['range'] !== undefined ? 'a conditional request' : null;
  }

  #next(): void {
    while (this.#running < MAX_REQUESTS.running) {
      const told = this.#waiting.shift();
      if (!told) break;
      this.#running += 1;
      const done = this.#compare(told).catch((error: Error) => {
        const { code, message }: NodeJS.ErrnoException = error;
        this.#findings.down('postern', code ?? message);
      });
      if (told.asked?.effect === 'login') {
        this.#logins.add(done);
        void done.finally(() => this.#logins.delete(done));
      }
      void done.finally(() => {
        this.#running -= 1;
        this.#next();
        if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
    }
  }

  async #compare(told: Told): Promise<void> {
    const asked = told.asked!;
    const sent = { headers: told.headers, body: told.request?.length ? told.request.toString() : undefined };
    let request = this.#credentials.translate(sent);
    if (!request && asked.effect === 'none') {
      // The login that issued its token may be in progress.
      await Promise.all(this.#logins);
      request = this.#credentials.translate(sent);
    }
    const isFromBefore = request === null;
    const { headers, body } = request ?? sent;
    const began = performance.now();
    const reply = await this.#ask(told.method, told.url, body, {
      ...Object.fromEntries(
        PASSED.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
      ),
      ...(headers['x-api-key'] === undefined ? {} : { 'x-api-key': this.#apiKey ?? headers['x-api-key'] }),
      'x-forwarded-for': [headers['x-forwarded-for'], told.ip].filter(Boolean).join(', '),
    });
    const milliseconds = performance.now() - began;
    const postern = observed(reply.status, distinct(reply.headers), reply.body);
    if (reply.status === 429 && told.status !== 429) return this.#findings.skip('Postern limits its rate');
    const old = observed(told.status, distinct(told.replyHeaders), await decoded(told));
    const isAsked = asked.effect === 'none' && sent.body !== undefined;
    if (isFromBefore && (postern.status !== old.status || isAsked))
      return this.#findings.skip('a token from before');
    if (asked.effect === 'login' && old.status < 300 && postern.status < 300)
      this.#credentials.learn(old, postern);
    this.#findings.compared(asked, { old, postern, milliseconds }, differencesOf(old, postern));
  }
}

const distinct = (headers: NodeJS.Dict<string[]>): Map<string, string[]> =>
  new Map(Object.entries(headers).map(([name, values]) => [name, values ?? []]));

/** The old service's body after content decoding. */
async function decoded({ reply, replyHeaders }: Told): Promise<Buffer> {
  const bytes = reply ?? Buffer.alloc(0);
  const decode = DECODERS[replyHeaders['content-encoding']?.[0] ?? ''];
  return decode ? decode(bytes, { maxOutputLength: MAX_REPLY_BYTES }).catch(() => bytes) : bytes;
}

function observed(status: number, headers: Map<string, string[]>, body: Buffer): Observed {
  const isJson = /\bjson\b/i.test(headers.get('content-type')?.[0] ?? '');
  let json: unknown;
  try {
    json = isJson ? JSON.parse(body.toString()) : undefined;
  } catch {
    // The body is declared as JSON but malformed.
  }
  return { status, headers, json, isEmpty: body.length === 0 };
}
