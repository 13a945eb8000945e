import { pino, type DestinationStream, type Logger as Pino } from 'pino';

export type Logger = Pino;

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
      redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    destination,
  );
}
