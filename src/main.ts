/** One process that serves: core -> server -> listen -> drain. */
import type { Config } from './config/index.ts';
import { createCore } from './container/core.ts';
import { createServer } from './container/server.ts';
import type { FirstAdmin } from './domain/users/index.ts';
import { loadContracts } from './http/contracts/registry.ts';
import { createHttpServer, readTlsOptions } from './http/ops/http-server.ts';
import { createMetrics } from './http/ops/metrics.ts';
import { isDomainError, StartupError } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import { noProgress } from './core/progress.ts';

/** What a serving process has to know; plain values, which can be handed to another process. */
export interface Assignment {
  config: Config;
  databaseUrl: string;
  secretsKey: string;
}

export interface Serving {
  port: number;
  /** The first administrator, when this start made one. */
  firstAdmin: FirstAdmin | null;
  /** Takes no new connections, and keeps requests waiting until `drain`: of several processes, until all have closed. */
  close: () => Promise<void>;
  /** Closes, if that has not been done, finishes all requests, at most for `http.drain` seconds, and ends everything else. */
  drain: () => Promise<void>;
}

/** Serves until it is drained. The database is migrated. @throws StartupError. */
export async function serve(
  { config, databaseUrl, secretsKey }: Assignment,
  logger: Logger,
  progress = noProgress,
): Promise<Serving> {
  await using undo = new AsyncDisposableStack();
  let isDraining = false;
  const metrics = createMetrics();
  const core = await createCore(config, {
    databaseUrl,
    secretsKey,
    logger,
    progress,
    onLogin: metrics.login,
    onSource: metrics.source,
    onOldToken: metrics.oldToken,
  });
  undo.defer(() => core.close());
  metrics.watchMigration(core.legacy, core.migration);
  const contracts = await loadContracts(config.contracts.modules);
  const server = createServer(core, { contracts, metrics, isDraining: () => isDraining });
  undo.defer(() => server.close());
  await server.start();
  progress(`Starting to listen on port ${config.port}`);
  const { requestTimeout } = config.http;
  const tls = await readTlsOptions(config.http.tls);
  const httpServer = createHttpServer(server.listener, { requestTimeout, tls });
  const port = await httpServer.listen(config.port, config.host);
  const close = () => {
    isDraining = true;
    return httpServer.close();
  };
  undo.defer(async () => {
    if (!isDraining) await close();
    const cut = await httpServer.drain(config.http.drain);
    if (cut > 0) logger.warn({ requests: cut }, 'requests that took longer than http.drain were aborted');
  });
  // After everything that can fail: a password that was made up is shown this once.
  const firstAdmin = await core.accounts.ensureFirstAdmin(config.admin).catch(explainAdmin);
  server.startBackground();
  const steps = undo.move();
  return { port, firstAdmin, close, drain: () => steps.disposeAsync() };
}

function explainAdmin(error: unknown): never {
  if (!isDomainError(error)) throw error;
  const name = error.code === 'weak_password' ? 'ADMIN_PASSWORD' : 'ADMIN_EMAIL';
  const reason = error.details.reason === undefined ? '' : ` (${error.details.reason})`;
  throw new StartupError(`${name}: ${error.message}${reason}`, { cause: error });
}
