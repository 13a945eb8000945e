import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server as PlainServer } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import { type Listener, Reply } from '../reply.ts';
import { oneAtATime } from './turns.ts';

async function read(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new StartupError(`http.tls.${setting}: cannot read ${file} (${code})`, { cause: error });
  }
}

/** The files of `http.tls`, or undefined without it. @throws StartupError when they are not a certificate and its key. */
export async function readTlsOptions(tls: Config['http']['tls']): Promise<TlsOptions | undefined> {
  if (!tls) return undefined;
  const [cert, key] = await Promise.all([read('cert', tls.cert), read('key', tls.key)]);
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { ...tls, cert, key };
  } catch (error) {
    throw new StartupError('http.tls: cert must contain a certificate and key a private key, as PEM', {
      cause: error,
    });
  }
  throw new StartupError(`http.tls: the key in ${tls.key} does not match the certificate in ${tls.cert}`);
}

export interface HttpServer {
  /**
   * Accepts connections from now on. @returns the port.
   * @param host an address; localhost means both loopback addresses, undefined every interface.
   * @throws StartupError when it cannot listen, naming PORT or HOST.
   */
  listen(port: number, host: string | undefined): Promise<number>;
  /** Stops accepting connections. Requests wait from now on until `drain`. */
  close(): Promise<void>;
  /**
   * After `close`: answers waiting requests and those that still arrive on open connections, closes each connection after its
   * reply, and waits until all are closed.
   * @param patience seconds until the remaining requests are cut off.
   * @returns how many requests were cut off.
   */
  drain(patience: number): Promise<number>;
}

/**
 * Milliseconds. Keep idle connections longer than common proxies do (60 s), so that none sends a request on a connection that
 * is just being closed.
 * @param requestTimeout seconds within which a request must arrive; its headers, in half of that.
 */
const options = (requestTimeout: number) => ({
  keepAliveTimeout: 75_000,
  headersTimeout: requestTimeout * 500,
  requestTimeout: requestTimeout * 1000,
  connectionsCheckingInterval: Math.min(requestTimeout * 100, 5_000),
  ServerResponse: Reply,
});

/**
 * Milliseconds without a byte in either direction until a connection is cut off: a client that reads no reply would hold it
 * forever. No reply takes that long.
 */
const IDLE = 120_000;

/**
 * Milliseconds that requests wait before the port is closed. An idle process accepts every pending connection, where a busy one
 * would leave some to be reset; and clients that wait for a reply open no new ones.
 */
const PAUSE = 100;

/** Milliseconds in which a client may still send a request on a connection that it considers open. */
const LAST_CALL = 500;

/** localhost, whichever address a client resolves it to. */
const LOOPBACK = ['127.0.0.1', '::1'];

/** Errors that mean the machine has no such address. */
const NO_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

const REASONS: Record<string, string> = {
  EADDRINUSE: 'is in use by another program. Set PORT to another one, or stop that program.',
  EACCES: 'needs more rights than this user has. Set PORT to 1024 or above.',
};

function explain(error: NodeJS.ErrnoException, port: number, host: string | undefined): Error {
  const reason = REASONS[error.code ?? ''];
  if (reason) return new StartupError(`PORT ${port} ${reason}`, { cause: error });
  if (host !== undefined && error.syscall !== undefined) {
    return new StartupError(
      `Cannot listen on HOST ${host} (${error.code}). Set it to an address of this machine.`,
      {
        cause: error,
      },
    );
  }
  return error;
}

/** TLS options of a server. */
export interface TlsOptions {
  /** Certificate chain, PEM. */
  cert: string;
  /** Private key, PEM. */
  key: string;
  /** Cipher suites for TLS 1.2, by their OpenSSL names. Those of TLS 1.3 are always offered. */
  ciphers: string[];
}

const TLS13_CIPHER_SUITES = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
];

/**
 * An HTTP server that stops without cutting requests off.
 * @param options `requestTimeout`: seconds within which a request must arrive; with `tls`, the server speaks TLS 1.2 or later.
 */
export function createHttpServer(
  listener: Listener,
  { requestTimeout, tls }: { requestTimeout: number; tls?: TlsOptions | undefined },
): HttpServer {
  const underWay = new Set<Reply>();
  /** Requests that wait between `close` and `drain`. */
  let held: (() => void)[] | null = null;
  let isDraining = false;
  let closed: Promise<unknown> = Promise.resolve();
  const take = oneAtATime((req, res) => {
    underWay.add(res);
    res.on('close', () => underWay.delete(res));
    if (isDraining) res.shouldKeepAlive = false;
    if (held) held.push(() => listener(req, res));
    else listener(req, res);
  });
  /** One per address. */
  const servers: (
    PlainServer<typeof IncomingMessage, typeof Reply> | TlsServer<typeof IncomingMessage, typeof Reply>
  )[] = [];
  /** @returns the port. */
  const listenAt = async (port: number, host: string | undefined): Promise<number> => {
    const server = tls
      ? createTlsServer(
          {
            ...options(requestTimeout),
            ...tls,
            minVersion: 'TLSv1.2',
            ciphers: [...TLS13_CIPHER_SUITES, ...tls.ciphers].join(':'),
          },
          take,
        )
      : createServer(options(requestTimeout), take);
    server.setTimeout(IDLE);
    server.listen({ port, ...(host === undefined ? {} : { host }) });
    await once(server, 'listening');
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  return {
    async listen(port, host) {
      try {
        if (host !== 'localhost') return await listenAt(port, host);
        const [first, second] = LOOPBACK;
        const taken = await listenAt(port, first);
        await listenAt(taken, second).catch((error: NodeJS.ErrnoException) => {
          if (!NO_ADDRESS.has(error.code ?? '')) throw error;
        });
        return taken;
      } catch (error) {
        throw explain(error as NodeJS.ErrnoException, port, host);
      }
    },
    async close() {
      held = [];
      await sleep(PAUSE);
      // HTTP's own close() would cut off idle connections immediately, and a client may be sending on one at this moment.
      closed = Promise.all(
        servers.map(
          (server) => new Promise<void>((resolve) => Server.prototype.close.call(server, () => resolve())),
        ),
      );
    },
    async drain(patience) {
      isDraining = true;
      for (const res of underWay) res.shouldKeepAlive = false;
      for (const answer of held ?? []) answer();
      held = null;
      let cut = 0;
      const start = performance.now();
      const timer = setInterval(() => {
        const elapsed = performance.now() - start;
        if (elapsed > LAST_CALL) for (const server of servers) server.closeIdleConnections();
        if (elapsed < patience * 1000) return;
        cut += underWay.size;
        for (const server of servers) server.closeAllConnections();
      }, 20);
      await closed;
      clearInterval(timer);
      return cut;
    },
  };
}
