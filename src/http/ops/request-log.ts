import type { RequestListener } from 'node:http';
import type { Logger } from '../../kernel/logger.ts';

/**
 * Has a line written at level info for each request that `listener` has answered. It is without the query, which may
 * hold a secret; `duration` is in milliseconds. Where the log has no such level it costs nothing.
 */
export function withRequestLog(listener: RequestListener, logger: Logger): RequestListener {
  if (!logger.isLevelEnabled('info')) return listener;
  // None of the fields can hold a secret, and looking for some would cost three times the line.
  const requests = logger.child({}, { redact: [] });
  return (req, res) => {
    const startedAt = performance.now();
    const { method, url = '' } = req;
    res.once('close', () => {
      const { 'x-request-id': requestId, 'x-forwarded-for': ip } = req.headers;
      const path = url.split('?', 1)[0];
      const duration = Math.round((performance.now() - startedAt) * 1000) / 1000;
      requests.info({ requestId, method, path, status: res.statusCode, duration, ip }, 'request');
    });
    listener(req, res);
  };
}
