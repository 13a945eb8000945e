import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { Agent, fetch } from 'undici';
import { atEnd } from '../../support/cleanup.ts';
import { listenUntilEnd } from '../../support/listen.ts';

const read = (name: string) => readFileSync(path.join(import.meta.dirname, 'certificates', name), 'utf8');

/** `client` and `other` are issued by the CA that the proxy trusts, `self-signed` is not. */
export type CertificateName = 'client' | 'other' | 'self-signed';

/** As PEM. `nameless` has no subject, and no key here. */
export const certificate = (name: CertificateName | 'nameless'): string => read(`${name}.pem`);

/** The proxy's headers: the certificate, and whether it was verified. */
export const HEADERS = { certificate: 'X-SSL-Client-Cert', verified: 'X-SSL-Client-Verify' };

/**
 * A proxy like those of operators: terminates TLS on `port`, accepts any client certificate, and passes on
 * which one and
 * whether its CA issued it, replacing the client's own headers.
 */
export async function startTlsProxy(port: number, upstream: string): Promise<void> {
  const { port: upstreamPort } = new URL(upstream);
  const server = createServer(
    {
      key: read('server.key'),
      cert: read('server.pem'),
      ca: read('ca.pem'),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (req, res) => {
      const socket = req.socket as TLSSocket;
      const { raw } = socket.getPeerX509Certificate() ?? {};
      const headers = {
        ...req.headers,
        [HEADERS.certificate.toLowerCase()]: raw
          ? encodeURIComponent(new X509Certificate(raw).toString())
          : '',
        [HEADERS.verified.toLowerCase()]: raw ? (socket.authorized ? 'SUCCESS' : 'FAILED') : 'NONE',
      };
      const target = { host: '127.0.0.1', port: upstreamPort, method: req.method, path: req.url, headers };
      const forwarded = request(target, (reply) => {
        res.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(res);
      });
      forwarded.on('error', () => res.destroy());
      req.pipe(forwarded);
    },
  );
  await listenUntilEnd(server, port);
}

/** `fetch` with a client certificate, or without one. */
export function fetchWith(name?: CertificateName): typeof fetch {
  const own = name === undefined ? {} : { cert: read(`${name}.pem`), key: read(`${name}.key`) };
  const dispatcher = new Agent({ connect: { ca: read('ca.pem'), ...own } });
  atEnd(() => dispatcher.close());
  return (input, init) => fetch(input, { ...init, dispatcher });
}
