import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../../core/errors.ts';

/**
 * What IANA's special-purpose registries (RFC 6890) and RFC 5735 exclude from the public internet: this network, private, shared
 * (CGNAT), loopback, link-local, protocol assignments, documentation, 6to4 relays, benchmarks, multicast, reserved.
 */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];

/**
 * All but global unicast, 2000::/3 (RFC 4291 section 2.4): loopback, mapped IPv4, NAT64, unique local, link-local, multicast;
 * and within it protocol assignments with Teredo, documentation, and 6to4, which can name any IPv4 address.
 */
const SPECIAL_IPV6 = ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** Of a valid address. Don't ask `isIPv6`: compiling its expression takes 10 ms, at every start. */
const family = (address: string) => (address.includes(':') ? 'ipv6' : 'ipv4');

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/');
  const kind = family(address);
  list.addSubnet(address, Number(bits ?? (kind === 'ipv6' ? 128 : 32)), kind);
}

function listOf(ranges: string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range);
  return list;
}

// Two lists: one would find every IPv4 address in ::/3 as well, as the IPv6 address it can be mapped to.
const special = { ipv4: listOf(SPECIAL_IPV4), ipv6: listOf(SPECIAL_IPV6) };

/** Whether a connection may go to `address`, to which `host` resolved; `protocol` is `https:` or `http:`. */
export type MayConnect = (protocol: string, host: string, address: string) => boolean;

const HOSTNAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;
const RANGE = /^[0-9a-f.:]+(\/\d{1,3})?$/i;

/**
 * The rule for outbound calls: public addresses over https, and listed ones, also over http.
 * @param allowed hostnames, addresses and CIDR blocks.
 * @throws StartupError naming an entry that is none of them.
 */
export function createAddressRule(allowed: string[]): MayConnect {
  const hosts = new Set<string>();
  const ranges = new BlockList();
  for (const entry of allowed) {
    try {
      if (RANGE.test(entry) && isIP(entry.split('/')[0] ?? '') !== 0) addRange(ranges, entry);
      else if (HOSTNAME.test(entry)) hosts.add(entry.toLowerCase());
      else throw new TypeError();
    } catch {
      throw new StartupError(`outbound.allow: ${entry} is not a hostname, an address or a CIDR block`);
    }
  }
  return (protocol, host, address) =>
    hosts.has(host.toLowerCase()) ||
    ranges.check(address, family(address)) ||
    (protocol === 'https:' && !special[family(address)].check(address, family(address)));
}

/** Milliseconds for a look-up that only warns. */
const PATIENCE = 3_000;

/**
 * Whether a URL's host may be called, according to DNS now: early feedback when a URL is set. An unresolved name passes; each
 * request checks the rule again with the real address.
 */
export const mayCall =
  (mayConnect: MayConnect) =>
  async ({ protocol, hostname }: URL): Promise<boolean> => {
    const host = hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0) return mayConnect(protocol, host, host);
    const found = await Promise.race([
      lookup(host, { all: true }).catch(() => []),
      sleep(PATIENCE, [], { ref: false }),
    ]);
    return found.length === 0
      ? protocol === 'https:'
      : found.some(({ address }) => mayConnect(protocol, host, address));
  };
