import type { IncomingMessage } from 'node:http';

/** What the codes of Node's HTTP parser begin with. */
const PARSER = 'HPE_';

/**
 * Whether `error` is that of the request's own connection: the client went away or sent what is no HTTP. It is nobody's
 * failure here, and there is nobody to answer.
 */
export const isConnectionError = (error: NodeJS.ErrnoException, req: IncomingMessage): boolean =>
  error === req.errored || error === req.socket.errored || error.code?.startsWith(PARSER) === true;
