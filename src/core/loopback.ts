const NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a URL's hostname is one of the loopback interface (RFC 8252 section 7.3). */
export const isLoopbackHostname = (hostname: string): boolean => NAMES.has(hostname);

/** Whether an IP address is one of the loopback interface: 127.0.0.0/8 or ::1. */
export const isLoopbackAddress = (address: string): boolean =>
  address === '::1' || address.startsWith('127.');
