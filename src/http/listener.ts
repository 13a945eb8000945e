import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { currentRequest } from '../core/current-request.ts';
import { isLoopbackHostname } from '../core/network.ts';
import { newUuid } from '../core/ids.ts';
import type { Logger } from '../core/logger.ts';
import type { Prebuilt } from '../oidc/prebuilt.ts';
import type { TrustedProxy } from './trusted-proxy.ts';
import type { Listener } from './reply.ts';
import { findRoute, type Owner, routeOf, setRoute } from './routes.ts';

/** An answered request, for logs and metrics. `path` lacks the query, which may contain a secret. */
export interface Answered {
  requestId: string;
  method: string;
  path: string;
  status: number;
  /** Milliseconds. */
  duration: number;
  ip: string | undefined;
}

interface Dependencies {
  clock: Clock;
  trustedProxy: Pick<TrustedProxy, 'apply'>;
  prebuilt: Prebuilt;
  /** Answers the provider's routes. Asked for on each request: keys may have changed. */
  provider(): RequestListener;
  /** Answers health checks and scrapes whatever their Host. @returns whether it did. */
  ops(path: string, req: IncomingMessage, res: ServerResponse): boolean;
  /** Answers everything else. */
  app: RequestListener;
  publicUrl: string;
  logger: Logger;
  /** @param label the metric label of the route that answered. */
  observe(answered: Answered, label: string): void;
}

/** Strict-Transport-Security (RFC 6797) for `publicUrl`. Not for a loopback name: its other ports belong to other programs. */
function transportSecurityOf(publicUrl: string): Record<string, string> {
  const { protocol, hostname } = new URL(publicUrl);
  const isPublic = protocol === 'https:' && !isLoopbackHostname(hostname);
  return isPublic ? { 'Strict-Transport-Security': 'max-age=31536000' } : {};
}

/**
 * Milliseconds that a request may wait for the database. Operators may run slow queries; for somebody who signs in it would be
 * an outage.
 */
const PATIENCE = { operator: 30_000, anybody: 8_000 };

const OPERATORS: ReadonlySet<Owner> = new Set(['api', 'scim']);

/** Handles every request first. */
export function createListener({
  clock,
  trustedProxy,
  prebuilt,
  provider,
  ops,
  app,
  publicUrl,
  logger,
  observe,
}: Dependencies): Listener {
  const transportSecurity = transportSecurityOf(publicUrl);
  return (req, res) => {
    const startedAt = performance.now();
    const requestId = newUuid();
    req.headers['x-request-id'] = requestId;
    res.common = { 'X-Request-Id': requestId, ...transportSecurity };
    const target = trustedProxy.apply(req);
    const path = pathOf(req.url);
    const route = findRoute(path);
    setRoute(req, route);
    const ip = req.headers['x-forwarded-for'] as string | undefined;
    const method = req.method ?? '';
    res.on('close', () => {
      const answered = {
        requestId,
        method,
        path: withoutSecrets(path),
        status: res.statusCode,
        duration: performance.now() - startedAt,
        ip,
      };
      observe(answered, routeOf(req).label);
    });
    try {
      if (target === 'ambiguous')
        return refuse(res, 400, 'invalid_request', 'The request has two Host header fields');
      if (prebuilt.serve(method, path, res) || (route.owner === 'ops' && ops(path, req, res))) return;
      // /dev/mail also answers at loopback names, whatever the issuer's host.
      if (target === 'foreign' || (target === 'loopback' && route.owner !== 'dev-mail'))
        refuse(res, 421, 'misdirected_request', `This service answers at ${publicUrl}`);
      else
        currentRequest.run(
          {
            reply: res,
            arrivedAt: clock.now(),
            patience: OPERATORS.has(route.owner) ? PATIENCE.operator : PATIENCE.anybody,
          },
          route.owner === 'provider' ? provider() : app,
          req,
          res,
        );
    } catch (error) {
      logger.error({ err: error, requestId }, 'request failed');
      if (!res.headersSent) res.writeHead(500, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify({ error: 'server_error', request_id: requestId }));
    }
  };
}

function pathOf(url = '/'): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/**
 * A path that is safe to log: some clients send a fragment, encode the question mark, or put credentials into the URL (RFC
 * 3986).
 */
const withoutSecrets = (path: string): string =>
  path.replace(/^[\w+.-]+:\/\/[^/]*/, '').replace(/(?:#|%3f).*$/is, '');

function refuse(res: ServerResponse, status: number, error: string, description: string): void {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
  res.end(JSON.stringify({ error, error_description: description }));
}
