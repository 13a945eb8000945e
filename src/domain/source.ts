import { isIPv4, isIPv6 } from 'node:net';
import type { Actor } from '../core/actor.ts';

/** The source of requests without a known address, when a trusted proxy names none. */
const UNKNOWN = 'unknown';

/** The eight groups of an IPv6 address, as lower-case hexadecimal without leading zeros. */
function groupsOf(ip: string): string[] {
  const address = new URL(`http://[${ip}]`).hostname.slice(1, -1);
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail?.split(':').filter(Boolean) ?? [];
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
}

/**
 * Who a failure is counted against: an IPv4 address, or the /64 of an IPv6 address, because one host owns at least that much
 * (RFC 6177). IPv4-mapped addresses (RFC 4291 section 2.5.5.2) count as their IPv4 address.
 * @param ip the peer's address; anything invalid (null, a zone, garbage) shares one source.
 */
export function sourceOf(ip: string | null): string {
  const address = ip?.split('%')[0] ?? '';
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return UNKNOWN;
  const groups = groupsOf(address);
  if (groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff') {
    const octets = groups.slice(6).flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 255];
    });
    return octets.join('.');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/**
 * The source of an actor's requests and attempts, as every limit counts them: a program with a key is its own source, whatever
 * its address; everybody else is identified by address.
 */
export const sourceOfActor = ({ kind, id, ip }: Pick<Actor, 'kind' | 'id' | 'ip'>): string =>
  kind === 'client' ? `client:${id}` : sourceOf(ip);

/**
 * Whether many people may share a source: a program, or a proxy that names no client. Such a source is never limited as a whole,
 * because one person would lock out all.
 */
export const isShared = (source: string): boolean => source === UNKNOWN || source.startsWith('client:');
