import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import proxyAddr from 'proxy-addr';
import { isLoopbackAddress, isLoopbackHostname } from '../core/network.ts';
import type { Config } from '../config/index.ts';
import type { Logger } from '../core/logger.ts';
import { isFromThisMachine, rawValues } from './actor.ts';

/**
 * Whose host a request is for: this service's; a loopback name, although the issuer has none; another host; or one of several
 * Host fields, which RFC 9112 section 3.2 rejects.
 */
export type Target = 'own' | 'loopback' | 'foreign' | 'ambiguous';

export interface TrustedProxy {
  /** Replaces `Host` and `X-Forwarded-*` by trusted values. @returns whose host the request is for. */
  apply(req: IncomingMessage): Target;
  /**
   * Whether the client, as found by `apply`, is on this machine. An untrusted proxy names no client, so that requests through
   * one do not count as local.
   */
  isLocal(req: IncomingMessage): boolean;
}

/** Cache of parsed X-Forwarded-For values. Longer values are parsed each time. */
const REMEMBERED = { max: 1000, length: 100 };

type ProxySettings = Pick<Config, 'publicUrl' | 'contracts' | 'http' | 'mtls'>;

/**
 * Trusts forwarded headers only from `http.trustedProxies`. Afterwards `Host`, `X-Forwarded-Proto`, `X-Forwarded-Host` and
 * `X-Forwarded-For` are reliable. The first two are the issuer's, whatever proxy terminates TLS. X-Forwarded-Host is set only
 * for the hostnames of contracts, to the requested one. X-Forwarded-For is the client's single address, or empty when a trusted
 * proxy names none, because its own address would stand for everybody behind it. A request for another host is misdirected (RFC
 * 9110 section 15.5.20); with a loopback issuer, any loopback name is the issuer's own.
 */
export function createTrustedProxy(
  { publicUrl, contracts, http, mtls }: ProxySettings,
  logger: Pick<Logger, 'warn'>,
): TrustedProxy {
  const issuer = new URL(publicUrl);
  const contractHosts = Object.keys(contracts.hosts);
  const { trustedProxies } = http;
  const protocol = issuer.protocol.slice(0, -1);
  const hasLoopbackIssuer = isLoopbackHostname(issuer.hostname);
  const trust = proxyAddr.compile(trustedProxies);
  const mtlsHost = mtls.origin === null ? undefined : new URL(mtls.origin).host;
  const proxyHeaders =
    mtls.certificateHeader === null
      ? []
      : [mtls.certificateHeader, mtls.verifiedHeader].map((name) => name.toLowerCase());
  const known = new LRUCache<string, string>({ max: REMEMBERED.max });
  let warned = false;
  const nobody = ({ method }: IncomingMessage): string => {
    // Don't warn about a proxy's own health checks.
    if (!warned && method === 'POST') {
      warned = true;
      logger.warn(
        { trustedProxies },
        'a proxy in http.trustedProxies sends no X-Forwarded-For, so nothing behind it is limited by address',
      );
    }
    return '';
  };
  const clientOf = (req: IncomingMessage): string => {
    if (trustedProxies.length === 0) return plainAddress(req.socket.remoteAddress);
    const { 'x-forwarded-for': forwarded = '' } = req.headers;
    if (forwarded.length === 0 && trust(req.socket.remoteAddress ?? '', 0)) return nobody(req);
    const way = `${forwarded.toString()} ${req.socket.remoteAddress ?? ''}`;
    let client = known.get(way);
    if (client === undefined) {
      client = plainAddress(proxyAddr(req, trust));
      if (way.length <= REMEMBERED.length) known.set(way, client);
    }
    return client;
  };
  const targetOf = (req: IncomingMessage, host: string): Target => {
    if (rawValues(req, 'host').length > 1) return 'ambiguous';
    if (host === issuer.host || host === mtlsHost || contractHosts.includes(host)) return 'own';
    if (!isLoopbackHostname(host.replace(/:\d*$/, '').toLowerCase())) return 'foreign';
    return hasLoopbackIssuer ? 'own' : 'loopback';
  };
  const apply = (req: IncomingMessage): Target => {
    const host = requestedHost(req);
    const target = targetOf(req, host);
    if (proxyHeaders.length > 0 && !trust(req.socket.remoteAddress ?? '', 0))
      for (const name of proxyHeaders) delete req.headers[name];
    req.headers['x-forwarded-for'] = clientOf(req);
    req.headers.host = issuer.host;
    req.headers['x-forwarded-proto'] = protocol;
    if (contractHosts.includes(host)) req.headers['x-forwarded-host'] = host;
    else delete req.headers['x-forwarded-host'];
    return target;
  };
  return {
    apply,
    isLocal(req) {
      const isNamedByProxy =
        rawValues(req, 'x-forwarded-for').length > 0 && trust(req.socket.remoteAddress ?? '', 0);
      if (isNamedByProxy) return isLoopbackAddress(req.headers['x-forwarded-for'] as string);
      return isFromThisMachine(req);
    },
  };
}

/**
 * The host that a request is for. In absolute-form it is that of the target, whatever Host says (RFC 9112 section 3.2.2).
 * Rewrites the target to origin-form.
 */
function requestedHost(req: IncomingMessage): string {
  const { url = '' } = req;
  const target = url.startsWith('/') ? null : URL.parse(url);
  if (!target) return req.headers.host ?? '';
  req.url = `${target.pathname}${target.search}`;
  return target.host;
}

/**
 * Normalizes an address: removes an IPv6 zone and unmaps IPv4. Empty when invalid: a proxy may forward a value that a client
 * made up.
 */
function plainAddress(address = ''): string {
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/, '');
  return isIP(plain) === 0 ? '' : plain;
}
