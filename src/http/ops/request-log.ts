import type { Logger } from '../../core/logger.ts';
import type { Answered } from '../listener.ts';

/** Logs each answered request at level info. Costs nothing when that level is off. */
export function createRequestLog(logger: Logger): (answered: Answered) => void {
  if (!logger.isLevelEnabled('info')) return () => undefined;
  // No field can contain a secret, and redaction would triple the cost of a line.
  const requests = logger.child({}, { redact: [] });
  return ({ duration, ...answered }) =>
    requests.info({ ...answered, duration: Math.round(duration * 1000) / 1000 }, 'request');
}
