import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

const NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a URL's hostname is one of the loopback interface (RFC 8252 section 7.3). */
export const isLoopbackHostname = (hostname: string): boolean => NAMES.has(hostname);

/** Whether an IP address is one of the loopback interface: 127.0.0.0/8 or ::1. */
export const isLoopbackAddress = (address: string): boolean =>
  address === '::1' || address.startsWith('127.');

const PREFIX = { 4: 32, 6: 128 } as const;

/** Whether `value` is an IP address, or a block of them in CIDR notation (RFC 4632 section 3.1). */
export function isAddressRange(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const version = isIP(address);
  if ((version !== 4 && version !== 6) || rest.length > 0 || address.includes('%')) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= PREFIX[version]);
}

/** Prefix of the error codes of Node's HTTP parser. */
const PARSER = 'HPE_';

/**
 * Whether `error` comes from the client's connection: it closed early or sent malformed HTTP. Not a server failure,
 * and nobody is left to answer.
 */
export const isConnectionError = (error: NodeJS.ErrnoException, req: IncomingMessage): boolean =>
  error === req.errored || error === req.socket.errored || error.code?.startsWith(PARSER) === true;
