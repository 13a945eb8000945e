import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import proxyAddr from 'proxy-addr';
import type { Settings } from '../config/index.ts';
import { StartupError } from '../kernel/startup-error.ts';

/** Makes a request's headers say the truth about where it came from and where it went, or tells that it went astray. */
export type RequestTruth = (req: IncomingMessage) => { misdirected: boolean };

/** Ways by which clients came lately, so that the same addresses are not read again and again; longer ones than this are. */
const REMEMBERED = { max: 1000, length: 100 };

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Behind this, `Host`, `X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Forwarded-For` can be believed: the first three are
 * the issuer's, whatever TLS-terminating proxy stands before, and the last is the one address of the client.
 * A request for another host is misdirected (RFC 9110 section 15.5.20); in front of a loopback issuer, any loopback name
 * will do.
 * X-Forwarded-Host is set for the hostnames of contract doors alone, to the one that was asked for.
 * @param doorHosts hostnames that contract doors answer at.
 * @param trustedProxies addresses or CIDR blocks whose X-Forwarded-For is believed.
 * @param mtls the headers that only a trusted proxy may set, and the origin at which it asks for certificates.
 * @throws StartupError when one of them is neither.
 */
export function createRequestTruth(
  publicUrl: string,
  doorHosts: string[],
  trustedProxies: string[],
  mtls: Settings['mtls'],
): RequestTruth {
  const issuer = new URL(publicUrl);
  const protocol = issuer.protocol.slice(0, -1);
  const isLocal = LOOPBACK.has(issuer.hostname);
  const trust = compileTrust(trustedProxies);
  const mtlsHost = mtls.origin === null ? undefined : new URL(mtls.origin).host;
  const proxyHeaders =
    mtls.certificateHeader === null
      ? []
      : [mtls.certificateHeader, mtls.verifiedHeader].map((name) => name.toLowerCase());
  const known = new LRUCache<string, string>({ max: REMEMBERED.max });
  const clientOf = (req: IncomingMessage): string => {
    if (trustedProxies.length === 0) return plainAddress(req.socket.remoteAddress);
    const { 'x-forwarded-for': forwarded = '' } = req.headers;
    const way = `${forwarded.toString()} ${req.socket.remoteAddress ?? ''}`;
    let client = known.get(way);
    if (client === undefined) {
      client = plainAddress(proxyAddr(req, trust));
      if (way.length <= REMEMBERED.length) known.set(way, client);
    }
    return client;
  };
  return (req) => {
    const host = req.headers.host ?? '';
    const isDoor = doorHosts.includes(host);
    const isOurs =
      host === issuer.host ||
      (mtlsHost !== undefined && host === mtlsHost) ||
      (isLocal && LOOPBACK.has(URL.parse(`http://${host}`)?.hostname ?? ''));
    if (proxyHeaders.length > 0 && !trust(req.socket.remoteAddress ?? '', 0))
      for (const name of proxyHeaders) delete req.headers[name];
    req.headers['x-forwarded-for'] = clientOf(req);
    req.headers.host = issuer.host;
    req.headers['x-forwarded-proto'] = protocol;
    if (isDoor) req.headers['x-forwarded-host'] = host;
    else delete req.headers['x-forwarded-host'];
    return { misdirected: !isOurs && !isDoor };
  };
}

/** An address without an IPv6 zone, IPv4 as such; empty when it is none: a proxy may pass on what a client made up. */
function plainAddress(address = ''): string {
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/, '');
  return isIP(plain) === 0 ? '' : plain;
}

function compileTrust(trustedProxies: string[]): (address: string, hops: number) => boolean {
  try {
    return proxyAddr.compile(trustedProxies);
  } catch (error) {
    throw new StartupError(`http.trustedProxies: ${(error as Error).message}`);
  }
}
