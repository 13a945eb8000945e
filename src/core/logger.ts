import { types } from 'node:util';
import { pino, type DestinationStream, type Logger as Pino } from 'pino';
import { isoTime } from './clock.ts';

/** What Postern writes its log with. */
export type Logger = Pick<
  Pino,
  'child' | 'debug' | 'error' | 'fatal' | 'info' | 'isLevelEnabled' | 'level' | 'warn'
>;

/**
 * The server's log level. A developer's terminal gets no info lines: each request writes one.
 * @param config `log.level`, and whether this is production.
 */
export const serverLogLevel = ({
  log,
  production,
}: {
  log: { level: string };
  production: boolean;
}): string => (!production && log.level === 'info' ? 'warn' : log.level);

/** Property names that could carry a secret. Their values are redacted at every level. */
const SECRET_NAMES = [
  'password',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'authorization',
  'cookie',
  'otp',
  'privateJwk',
];

/** Structured JSON logs, one object a line, on `destination` (standard output unless given). */
export function createLogger(level: string, destination?: DestinationStream): Pino {
  return pino(
    {
      level,
      base: { service: 'postern', pid: process.pid },
      timestamp: () => `,"time":"${isoTime(Date.now())}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error) },
      redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    destination,
  );
}

/** An error as it is logged. */
interface Described {
  type: string;
  /** A code of the system (`ECONNRESET`), of PostgreSQL (`23505`), or of the catalogue. */
  code?: string;
  message: string;
  /** Stack frames without the message. */
  stack: string;
  /** The violated database constraint. */
  constraint?: string;
  cause?: Described;
  errors?: Described[];
}

/** Maximum depth of causes. */
const DEPTH = 5;
/** Maximum errors of an AggregateError. */
const MAX_ERRORS = 5;

/**
 * Describes an error for the log. Errors may carry request bytes, query parameters or arguments of Redis commands:
 * pick only fields that never hold a secret.
 */
function describeError(error: unknown, depth = DEPTH): Described {
  if (!isError(error)) return { type: typeof error, message: 'not an error', stack: '' };
  // Unwrap PostgreSQL's error from Sequelize's.
  const { original } = error as { original?: unknown };
  const { code, constraint } = (isError(original) ? original : error) as {
    code?: unknown;
    constraint?: unknown;
  };
  const errors: unknown = (error as { errors?: unknown }).errors;
  return {
    type: error.constructor.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: messageOf(error, code),
    stack: stackOf(error),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    ...(isError(error.cause) && depth > 0 ? { cause: describeError(error.cause, depth - 1) } : {}),
    ...(Array.isArray(errors) && errors.every(isError) && depth > 0
      ? { errors: errors.slice(0, MAX_ERRORS).map((one) => describeError(one, depth - 1)) }
      : {}),
  };
}

const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value);

/** Drop messages that quote input: JSON's parser quotes the text, PostgreSQL the invalid value (SQLSTATE class 22). */
function messageOf(error: Error, code: unknown): string {
  const quotes = error.name === 'SyntaxError' || /^22[0-9A-Z]{3}$/.test(String(code));
  return quotes ? error.message.replace(/".*"/s, '"…"') : error.message;
}

const stackOf = ({ stack = '', message }: Error): string =>
  stack
    .replace(message, () => '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
    .join('\n');
