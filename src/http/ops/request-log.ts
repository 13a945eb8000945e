import type { Logger } from '../../core/logger.ts';
import type { Answered } from '../listener.ts';

/** Logs each answered request at level info. Costs nothing when that level is off. */
export function createRequestLog(logger: Logger): (answered: Answered) => void {
  if (!logger.isLevelEnabled('info')) return () => undefined;
  // No field can contain a secret, and redaction would triple the cost of a line.
  const requests = logger.child({}, { redact: [] });
  return ({ requestId, method, path, status, ip, duration: exact }) => {
    const duration = Math.round(exact * 1000) / 1000;
    requests.info({ requestId, method, path, status, ip, duration }, 'request');
  };
}
