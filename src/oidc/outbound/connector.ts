import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { buildConnector } from 'undici';
import type { MayConnect } from './addresses.ts';

/** A request that was not sent because of its target. The address is not revealed: the name may be a stranger's. */
export class OutboundRefused extends Error {
  constructor() {
    super('not a public https address (an operator may list it under outbound.allow)');
    this.name = 'OutboundRefused';
  }
}

/**
 * The system's look-up, reduced to addresses that may be connected to. The connection uses the result, so the name cannot change
 * in between.
 */
function guardedLookup(protocol: string, mayConnect: MayConnect): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const addresses = found.filter(({ address }) => mayConnect(protocol, hostname, address));
      const [first] = addresses;
      if (!first) return callback(new OutboundRefused(), '', 0);
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

/**
 * Connects where `mayConnect` allows, asked with the very address of the connection.
 * @param build undici's own, which makes the connections.
 */
export function createGuardedConnector(
  mayConnect: MayConnect,
  build: typeof buildConnector,
): buildConnector.connector {
  const connectors = new Map(
    ['https:', 'http:'].map((protocol) => [
      protocol,
      build({ allowH2: false, lookup: guardedLookup(protocol, mayConnect) }),
    ]),
  );
  return (options, callback) => {
    const { protocol, hostname } = options;
    const connect = connectors.get(protocol);
    // An address needs no look-up, which would check it.
    const refused = isIP(hostname) !== 0 && !mayConnect(protocol, hostname, hostname);
    if (!connect || refused) callback(new OutboundRefused(), null);
    else connect(options, callback);
  };
}
