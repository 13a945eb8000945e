import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Settings } from '../../config/index.ts';
import { constantTimeEqual } from '../../core/secrets.ts';
import type { Metrics } from './metrics.ts';
import { type Checks, runChecks } from './readiness.ts';

/** Answers `path` if it is one of its own. @returns whether it does. */
export type Ops = (path: string, req: IncomingMessage, res: ServerResponse) => boolean;

type Reply = { status: number; type: string; body: string; headers?: Record<string, string> };

const json = (status: number, body: unknown): Reply => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(body)}\n`,
});

const text = (status: number, body: string, headers: Record<string, string> = {}): Reply => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
  headers,
});

function send(req: IncomingMessage, res: ServerResponse, { status, type, body, headers }: Reply): void {
  res.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    ...headers,
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

/** `/livez` (this process runs), `/readyz` (it can serve: every store answers) and `/metrics` (Prometheus). */
export function createOps({
  settings,
  metrics,
  isLocal,
  checks,
  isDraining,
}: {
  settings: Settings['metrics'];
  metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Whether the client is on this machine. */
  isLocal(req: IncomingMessage): boolean;
  /** Checks by store name; each throws its failure. */
  checks: Checks;
  /** Whether this process is shutting down. */
  isDraining: () => boolean;
}): Ops {
  const livez = async () => json(200, { status: 'ok' });

  const readyz = async () => {
    const results = await runChecks(checks);
    const ready = Object.values(results).every((result) => result.status === 'ok');
    const status = isDraining() ? 'draining' : ready ? 'ok' : 'failed';
    return json(status === 'ok' ? 200 : 503, { status, checks: results });
  };

  const scrape = async (req: IncomingMessage): Promise<Reply> => {
    if (!settings.enabled) return text(404, 'Metrics are disabled (metrics.enabled)');
    const { token } = settings;
    if (token === null) {
      if (!isLocal(req))
        return text(403, 'Without metrics.token, metrics are available only from this machine');
    } else if (!constantTimeEqual(req.headers.authorization ?? '', `Bearer ${token}`)) {
      return text(401, 'The token in metrics.token is required', { 'WWW-Authenticate': 'Bearer' });
    }
    return { status: 200, type: metrics.contentType, body: await metrics.text() };
  };

  const routes = new Map<string, (req: IncomingMessage) => Promise<Reply>>([
    ['/livez', livez],
    ['/readyz', readyz],
    ['/metrics', scrape],
  ]);

  return (path, req, res) => {
    const route = routes.get(path);
    if (!route) return false;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      send(req, res, text(405, 'Only GET and HEAD', { Allow: 'GET, HEAD' }));
      return true;
    }
    route(req).then(
      (reply) => send(req, res, reply),
      (error: Error) => send(req, res, text(503, error.message)),
    );
    return true;
  };
}
