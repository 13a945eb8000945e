import { pino } from 'pino';
import type { Config } from '../../config/index.ts';
import { createLogger, type Logger } from '../../core/logger.ts';
import { bufferedOutput } from './buffered-output.ts';

/**
 * The server's log: JSON lines, on standard output in production. On a developer's terminal that belongs to people, so
 * it is on standard error there, and without the level info, which has a line for each request.
 * @param quiet leaves standard output alone in production too.
 */
export function serverLogger({ log, production }: Config, quiet: boolean): Logger {
  const level = !production && log.level === 'info' ? 'warn' : log.level;
  return createLogger(level, production && !quiet ? bufferedOutput() : pino.destination(2));
}

/** An error that nobody caught ends the process, but not without a word in the log. */
export function logCrash(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'the process ends after an unexpected error');
    process.exit(1);
  });
}
