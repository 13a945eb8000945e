import { createRequire } from 'node:module';
import type proxyAddr from 'proxy-addr';
import type { Settings } from './schema.ts';

const require = createRequire(import.meta.url);

interface ClientFacing {
  publicUrl: string;
  http: Pick<Settings['http'], 'tls' | 'trustedProxies'>;
}

/**
 * Addresses for documentation (RFC 5737, RFC 3849, RFC 9637), which no real proxy has: a list that trusts all of
 * them trusts everybody.
 */
const DOCUMENTATION_ADDRESSES = [
  ['192.0.2.1', '198.51.100.1', '203.0.113.1'],
  ['2001:db8::1', '3fff::1'],
];

/** Whether TLS ends at an untrusted proxy, so that every request seems to come from its address. */
export const hidesClients = ({ publicUrl, http }: ClientFacing): boolean =>
  publicUrl.startsWith('https:') && http.tls === null && http.trustedProxies.length === 0;

/** Finds mistakes in `http.trustedProxies`, the proxies whose X-Forwarded-For is believed. */
export function proxyProblems(trustedProxies: string[], production: boolean): string[] {
  if (trustedProxies.length === 0) return [];
  // Loaded on use: most commands run where there is none.
  const { compile } = require('proxy-addr') as typeof proxyAddr;
  try {
    const trust = compile(trustedProxies);
    const trustsAll = DOCUMENTATION_ADDRESSES.some((addresses) =>
      addresses.every((address) => trust(address, 0)),
    );
    if (!production || !trustsAll) return [];
    return [
      'http.trustedProxies: trusts every address, so clients could forge the address that limits count by; list only the addresses of the proxies',
    ];
  } catch (error) {
    return [`http.trustedProxies: ${(error as Error).message}`];
  }
}
