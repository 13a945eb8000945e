import { types } from 'node:util';
import { pino, type DestinationStream, type Logger as Pino } from 'pino';

export type Logger = Pino;

/**
 * The level that a server logs at. A developer's terminal gets no info lines, of which each request has one.
 * @param config `log.level`, and whether this is production.
 */
export const serverLogLevel = ({
  log,
  production,
}: {
  log: { level: string };
  production: boolean;
}): string => (!production && log.level === 'info' ? 'warn' : log.level);

/** Names under which a secret could reach a log line; their values are cut out whatever the level. */
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
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service: 'postern', pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error) },
      redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    destination,
  );
}

/** What the log has of an error. */
interface Described {
  type: string;
  /** Of the system (`ECONNRESET`), of PostgreSQL (`23505`), of the catalogue. */
  code?: string;
  message: string;
  /** Places in the code, without the message. */
  stack: string;
  /** Of the database, that a statement would have broken. */
  constraint?: string;
  cause?: Described;
  errors?: Described[];
}

/** How many causes deep an error is described. */
const DEPTH = 5;
/** How many of the errors of an AggregateError are. */
const MOST_ERRORS = 5;

/**
 * What the log may have of an error. Errors carry whatever their makers hang on them (the bytes of the request, the
 * parameters of a query, the arguments of a Redis command): this picks what is known to hold no secret.
 */
function describeError(error: unknown, depth = DEPTH): Described {
  if (!isError(error)) return { type: typeof error, message: 'not an error', stack: '' };
  // Sequelize wraps what PostgreSQL said.
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
      ? { errors: errors.slice(0, MOST_ERRORS).map((one) => describeError(one, depth - 1)) }
      : {}),
  };
}

const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value);

/** JSON's parser quotes the text that it was given, PostgreSQL the value that it cannot read (SQLSTATE class 22). */
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
