/** `postern serve`: opens and migrates the database, then serves, in one process or by workers, until a signal. */
import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import { type Config, hidesClients, loadConfig } from '../../config/index.ts';
import { resolveSecretsKey } from '../../config/secrets-key.ts';
import type { Logger } from '../../core/logger.ts';
import { noProgress, type Progress } from '../../core/progress.ts';
import type { Assignment } from '../../main.ts';
import { openDatabase } from '../../storage/postgres/open.ts';
import { adminLines, banner, toAdmin } from './banner.ts';
import { logCrash, serverLogger } from './logs.ts';
import { type Admin, releaseMemory, stopSignal, yieldToRequests } from './process.ts';

/** @param json prints one JSON object when it is ready, and logs to standard error. @throws ConfigError, StartupError. */
export async function serveCommand({ json = false }: { json?: boolean }): Promise<void> {
  if (cluster.isWorker) {
    const { work } = await import('./worker.ts');
    await work(json);
    return;
  }
  const stopped = stopSignal();
  const config = loadConfig();
  const logger = serverLogger(config, json);
  logCrash(logger);
  const workers = config.webConcurrency ?? (config.production ? availableParallelism() : 1);

  await using stack = new AsyncDisposableStack();
  const serving = workers > 1 ? import('./workers.ts') : import('../../main.ts');
  // Load the server's modules while PostgreSQL starts. A failure surfaces when they are used.
  serving.catch(() => undefined);
  // On a terminal only; programs and production read the log.
  const progress = config.production || json ? noProgress : (step: string) => console.log(`${step} ...`);
  const parts = { stack, logger, progress };
  const assignment = await prepare(config, parts);
  const admin = await (workers > 1 ? serveByWorkers : serveAlone)(assignment, workers, parts);
  announce(config, { workers, admin, json }, logger);
  await stopped;
  logger.info('stopping: finishing requests under way first');
}

/** The context of a start. */
interface Parts {
  /** Cleanup to run when the server stops. */
  stack: AsyncDisposableStack;
  logger: Logger;
  progress: Progress;
}

/** Opens and migrates the database. */
async function prepare(config: Config, { stack, logger, progress }: Parts): Promise<Assignment> {
  const [database, { migrate, MIGRATIONS }] = await Promise.all([
    openDatabase(config, logger, progress),
    import('../../storage/postgres/migrator.ts'),
  ]);
  stack.defer(() => database.close());
  await database.claimServer(config.publicUrl);
  const secretsKey = await resolveSecretsKey(config);
  await migrate(database.url, logger, MIGRATIONS, progress, config.coordination);
  return { config, databaseUrl: database.url, secretsKey };
}

type Serve = (assignment: Assignment, workers: number, parts: Parts) => Promise<Admin | null>;

const serveAlone: Serve = async (assignment, _workers, { stack, logger, progress }) => {
  const { serve } = await import('../../main.ts');
  const serving = await serve(assignment, logger, progress);
  stack.defer(() => serving.drain());
  await yieldToRequests();
  releaseMemory();
  return toAdmin(serving.firstAdmin);
};

const serveByWorkers: Serve = async (assignment, count, { stack, logger, progress }) => {
  progress(`Starting ${count} workers`);
  const { Workers } = await import('./workers.ts');
  const workers = new Workers(assignment, logger);
  stack.defer(() => workers.drain());
  const admin = await workers.start(count);
  releaseMemory();
  return admin;
};

interface Outcome {
  workers: number;
  admin: Admin | null;
  json: boolean;
}

/** Summarizes the contracts in one line. */
function contractsLine(enabled: Config['contracts']['enabled']): string {
  if (enabled.length === 0) return 'no contract is open: name some in CONTRACTS, see "postern contract list"';
  const names = enabled === 'all' ? 'all' : enabled.join(', ');
  return `open contracts: ${names}. Set CONTRACTS to change this; "postern doctor" lists what each gives away`;
}

function announce(config: Config, { workers, admin, json }: Outcome, logger: Logger): void {
  const { publicUrl: url, port, production } = config;
  logger.info({ contracts: config.contracts.enabled }, contractsLine(config.contracts.enabled));
  if (hidesClients(config))
    logger.warn(
      'http.trustedProxies is empty: all requests seem to come from the TLS proxy, and share its rate limits and lockouts',
    );
  if (json) {
    console.log(JSON.stringify({ url, port, pid: process.pid, workers, first_admin: admin }));
  } else if (production) {
    // Keep the password out of the log, which others store.
    if (admin && admin.password !== null) console.error(adminLines(admin).join('\n'));
    logger.info({ url, port, workers }, 'ready');
  } else {
    console.log(banner(config, workers, admin));
  }
}
