import type { Logger } from '../../core/logger.ts';
import type { Answered } from '../listener.ts';

/** Writes a line at level info for each request that was answered. Where the log has no such level it costs nothing. */
export function createRequestLog(logger: Logger): (answered: Answered) => void {
  if (!logger.isLevelEnabled('info')) return () => undefined;
  // No field can hold a secret, and redaction would triple the cost of the line.
  const requests = logger.child({}, { redact: [] });
  return ({ duration, ...answered }) =>
    requests.info({ ...answered, duration: Math.round(duration * 1000) / 1000 }, 'request');
}
