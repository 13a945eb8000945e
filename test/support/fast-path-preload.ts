/**
 * Loaded before every server of the tests when FAST_PATH_TWICE names a file: sends repeatable requests that the fast
 * path answers (introspection, userinfo) to the library as well. Appends a line for each to the file: `same`, or both
 * replies.
 */
import { appendFileSync } from 'node:fs';
import { IncomingMessage, type RequestListener, Server, type ServerResponse } from 'node:http';
import inject from 'light-my-request';
import { Provider } from 'oidc-provider';

const FILE = process.env['FAST_PATH_TWICE'] ?? '';

const AGAIN = new Set(['/oauth2/introspect', '/oauth2/userinfo']);

/** Headers that depend on the moment, the connection or the listener before the provider. */
const PASSING = new Set([
  'date',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'x-request-id',
  'strict-transport-security',
]);

interface Heard {
  body: Buffer;
  /** The provider's listener and whether it has replied. */
  library: RequestListener | undefined;
  isLong: boolean;
}

const heard = new WeakMap<IncomingMessage, Heard>();
let current: RequestListener | undefined;

/** Replaces a method by `make(original)`. */
function wrap<Owner extends object>(
  owner: Owner,
  name: keyof Owner,
  make: (before: Function) => Function,
): void {
  owner[name] = make(owner[name] as Function) as Owner[keyof Owner];
}

wrap(Provider.prototype, 'callback', (callback) => {
  return function remembered(this: Provider): RequestListener {
    const library = callback.call(this) as RequestListener;
    current = (req, res) => {
      const one = heard.get(req);
      if (one) one.isLong = true;
      return library(req, res);
    };
    return current;
  };
});

// The fast path unshifts at once what it has read.
wrap(IncomingMessage.prototype, 'unshift', (unshift) => {
  return function kept(this: IncomingMessage, chunk: Buffer): void {
    const one = heard.get(this);
    if (one) one.body = Buffer.from(chunk);
    unshift.call(this, chunk);
  };
});

wrap(Server.prototype, 'emit', (emit) => {
  return function watched(this: Server, event: string, ...args: unknown[]): unknown {
    const [req, res] = args as [IncomingMessage, ServerResponse];
    if (event === 'request' && AGAIN.has(req.url ?? '')) watch(req, res);
    return emit.call(this, event, ...args);
  };
});

const essence = (status: number, headers: object, body: unknown): string =>
  JSON.stringify([
    status,
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), String(value)] as const)
      .filter(([name]) => !PASSING.has(name))
      .sort(([one], [other]) => one.localeCompare(other)),
    body,
  ]);

function watch(req: IncomingMessage, res: ServerResponse): void {
  const one: Heard = { body: Buffer.alloc(0), library: current, isLong: false };
  heard.set(req, one);
  let sent: object = {};
  wrap(res, 'writeHead', (writeHead) => (status: number, headers: object) => {
    sent = { ...res.getHeaders(), ...headers };
    return writeHead.call(res, status, headers) as unknown;
  });
  wrap(res, 'end', (end) => (...args: unknown[]) => {
    const ended = end.apply(res, args) as unknown;
    if (!one.isLong && res.statusCode === 200) void compare(req, one, essence(200, sent, args[0]));
    return ended;
  });
}

async function compare(req: IncomingMessage, { body, library }: Heard, short: string): Promise<void> {
  const again = await inject(library as Parameters<typeof inject>[0], {
    method: req.method as 'POST',
    url: req.url ?? '',
    headers: req.headers as Record<string, string>,
    ...(req.method === 'POST' ? { payload: body } : {}),
  });
  const long = essence(again.statusCode, again.headers, again.payload);
  appendFileSync(
    FILE,
    long === short ? 'same\n' : `DIFFERS ${req.method} ${req.url}\n  ${short}\n  ${long}\n`,
  );
}
