import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import type { Contract } from '../../http/contracts/contract.ts';
import { wordsOf } from '../../http/endpoints/statuses.ts';
import { Routing } from '../../http/endpoints/routing.ts';
import { DomainError } from '../../core/errors.ts';
import type { Asking, Told } from './asking.ts';
import type { Findings } from './findings.ts';

/** Maximum bytes of a body that is compared. Larger ones only pass through. */
const CAPTURED = 131_072;

/** Timeout for the old service's first byte, in milliseconds. */
const TIMEOUT = 60_000;

/** Idle timeout of a connection to the old service, in milliseconds: services commonly close them after five seconds. */
const IDLE = 3_000;

/** Hop-by-hop header fields, which are not forwarded (RFC 9110 section 7.6.1). */
const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Idempotent methods, to retry when a kept-alive connection was closed (RFC 9110 section 9.2.2). */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export interface ShadowOptions {
  contract: Contract;
  /** The base URL of the old service. */
  old: URL;
  asking: Asking;
  findings: Findings;
}

const EMPTY = Buffer.alloc(0);

type Headers = [name: string, value: string][];

/** Removes hop-by-hop header fields. */
function passedOn(raw: string[], dropped: (name: string) => boolean = () => false): Headers {
  const pairs: Headers = [];
  for (let i = 0; i < raw.length; i += 2) pairs.push([raw[i]!, raw[i + 1]!]);
  const named = new Set(
    pairs
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => value.toLowerCase().split(/\s*,\s*/)),
  );
  return pairs.filter(([name]) => {
    const small = name.toLowerCase();
    return !HOP.has(small) && !named.has(small) && !dropped(small);
  });
}

/** The proxy: the old service answers everything; reads and logins are repeated to Postern afterwards. */
export function createShadow({ contract, old, asking, findings }: ShadowOptions): http.Server {
  const transport = old.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true, timeout: IDLE, maxSockets: 512 });
  const base = old.pathname.replace(/\/$/, '');
  const routing = new Routing(contract);

  const askedOf = (method: string, path: string) => {
    try {
      const found = routing.find(method, path);
      if ('allow' in found) return null;
      const { operation } = found;
      const endpoint = `${operation.method.toUpperCase()} ${contract.basePath}${operation.path}`;
      return {
        operation: operation.id,
        endpoint,
        effect: operation.effect ?? (operation.method === 'get' ? 'none' : 'change'),
      };
    } catch {
      return null;
    }
  };

  /** Answers in place of the old service, in the contract's error format. */
  function answerForItself(res: http.ServerResponse, error: Error): void {
    findings.down('old', (error as NodeJS.ErrnoException).code ?? error.message);
    if (res.headersSent) return void res.destroy();
    const { status, message } = wordsOf(contract, new DomainError('unavailable'));
    const refusal = {
      status,
      code: 'unavailable' as const,
      message,
      details: {},
      requestId: 'shadow',
      at: new Date(),
    };
    res.writeHead(status, {
      'Content-Type': 'application/json',
      'Retry-After': '5',
      'Cache-Control': 'no-store',
    });
    res.end(JSON.stringify(contract.refuse(refusal)));
  }

  async function take(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const began = performance.now();
    const { method = 'GET', url = '/' } = req;
    const asked = askedOf(method, url.split('?', 1)[0]!);
    findings.request(asked);
    const hasBody =
      req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined;
    const { body, whole } = hasBody ? await readHead(req) : { body: EMPTY, whole: true };
    const sent = performance.now();
    const forward = () => {
      const request = transport.request({
        agent,
        protocol: old.protocol,
        hostname: old.hostname,
        port: old.port,
        method,
        path: `${base}${url}`,
        headers: forwarded(req, old, whole ? body : null).flat(),
        setHost: false,
      });
      request.setTimeout(TIMEOUT, () =>
        request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
      );
      return request;
    };
    const reply = await exchange(forward, { req, res, body, whole, canRepeat: REPEATABLE.has(method) });
    const firstByte = performance.now();
    const captured: Buffer[] = [];
    let size = 0;
    res.sendDate = false;
    res.writeHead(reply.statusCode ?? 502, reply.statusMessage, passedOn(reply.rawHeaders).flat());
    reply.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= CAPTURED) captured.push(chunk);
    });
    reply.pipe(res);
    reply.once('error', (error) => answerForItself(res, error));
    const passedOnAt = performance.now();
    await once(res, 'close');
    // The proxy's own time: reading, and from the old service's first byte to its own.
    findings.added(sent - began + (passedOnAt - firstByte));
    findings.oldAnswered(asked, firstByte - sent);
    if (!res.writableFinished) return;
    const told: Told = {
      asked,
      method,
      url,
      headers: headersOf(req),
      ip: req.socket.remoteAddress ?? '',
      request: whole ? body : null,
      status: reply.statusCode ?? 0,
      replyHeaders: reply.headersDistinct,
      reply: size <= CAPTURED ? Buffer.concat(captured) : null,
    };
    asking.take(told);
  }

  const server = http.createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
    take(req, res).catch((error: Error) => {
      if (!(error instanceof ClientGone) && !res.closed) answerForItself(res, error);
    });
  });
  server.on('close', () => agent.destroy());
  return server;
}

class ClientGone extends Error {}

/** The whole body if it is small; else its beginning, with the rest unread. */
async function readHead(req: http.IncomingMessage): Promise<{ body: Buffer; whole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > CAPTURED) return { body: Buffer.concat(chunks), whole: false };
    }
  } catch (error) {
    throw new ClientGone('the client has gone', { cause: error });
  }
  return { body: Buffer.concat(chunks), whole: true };
}

/** The header fields for the old service: its own host, and the client's address. */
function forwarded(req: http.IncomingMessage, old: URL, body: Buffer | null): Headers {
  const replaced = /^(host|content-length|expect|x-forwarded-(for|host|proto))$/;
  const kept = passedOn(req.rawHeaders, (name) => replaced.test(name));
  const before = req.headers['x-forwarded-for'];
  const length = body === null ? req.headers['content-length'] : String(body.length);
  const hasLength = length !== undefined && (length !== '0' || req.headers['content-length'] !== undefined);
  const isChunked = body === null && length === undefined;
  const { 'x-forwarded-proto': proto = 'http', 'x-forwarded-host': host = req.headers.host ?? '' } =
    req.headers;
  return [
    ['Host', old.host],
    ...kept,
    ...(hasLength ? [['Content-Length', length] as [string, string]] : []),
    ...(isChunked ? [['Transfer-Encoding', 'chunked'] as [string, string]] : []),
    ['X-Forwarded-For', [before, req.socket.remoteAddress].filter(Boolean).join(', ')],
    ['X-Forwarded-Proto', String(proto)],
    ['X-Forwarded-Host', String(host)],
  ];
}

const headersOf = ({ headers }: http.IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );

interface Passed {
  req: http.IncomingMessage;
  res: http.ServerResponse;
  body: Buffer;
  whole: boolean;
  canRepeat: boolean;
}

/** Sends a request to the old service and waits for the reply's header. */
async function exchange(
  forward: () => http.ClientRequest,
  { req, res, body, whole, canRepeat }: Passed,
): Promise<http.IncomingMessage> {
  const request = forward();
  res.once('close', () => {
    if (!res.writableFinished) request.destroy();
  });
  if (body.length > 0) request.write(body);
  if (whole) request.end();
  else req.pipe(request);
  try {
    const [reply] = (await once(request, 'response')) as [http.IncomingMessage];
    // Later failures belong to the reply.
    request.on('error', () => undefined);
    return reply;
  } catch (error) {
    const wasClosed = request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    if (wasClosed && whole && canRepeat && !res.closed)
      return await exchange(forward, { req, res, body, whole, canRepeat: false });
    throw error;
  }
}
