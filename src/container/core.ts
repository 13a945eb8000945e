import type { Config } from '../config/index.ts';
import type { Logger } from '../core/logger.ts';
import { noProgress, type Progress } from '../core/progress.ts';
import { Replies } from '../core/replies.ts';
import { Secrets } from '../core/secrets.ts';
import type { ObserveOldToken } from '../domain/old-tokens.ts';
import type { ObserveSource } from '../domain/legacy/index.ts';
import { createForeignHashes, createHashSecrets } from '../domain/passwords/foreign.ts';
import { createOverview } from '../domain/operators/overview.ts';
import { createRegisteredClients } from '../domain/registered-clients.ts';
import { createStats } from '../domain/operators/stats.ts';
import { createCheckHealth } from '../domain/operators/health.ts';
import { createPasswordHasher } from '../domain/passwords/hasher.ts';
import type { Message } from '../mail/index.ts';
import { MAX_ACCESS_TOKEN_TTL } from '../oidc/tokens/apis.ts';
import { createSweeper } from '../storage/oidc/sweeper.ts';
import { UpstreamRegistry } from '../upstream/registry.ts';
import { clientChanges } from './client-changes.ts';
import { createDomain } from './domain.ts';
import { createKeyRing } from './key-ring.ts';
import { openStores, type Stores } from '../storage/stores.ts';

export interface CoreOptions {
  databaseUrl: string;
  secretsKey: string;
  logger: Logger;
  progress?: Progress;
  /** Receives the outcome of every login. */
  onLogin?: (outcome: string) => void;
  /** Receives each request to a legacy source. */
  onSource?: ObserveSource;
  /** Receives each use of an old service's token. */
  onOldToken?: ObserveOldToken;
}

/**
 * The configuration, the stores and the domain over them: shared by the server and the commands. Opens connections;
 * background work starts with `startBackground`, and `close` ends everything. @throws PostgreSQL's error when it
 * cannot be reached.
 */
export async function createCore(config: Config, options: CoreOptions) {
  const { databaseUrl, logger, progress = noProgress, onLogin, onSource, onOldToken } = options;
  const secrets = new Secrets(options.secretsKey);
  const replies = new Replies(logger);
  const opened = await openStores<Message>({
    databaseUrl,
    pooler: config.pooler,
    coordination: config.coordination,
    redisUrl: config.redisUrl,
    // The longest lifetime of a token: revocation marks must live longer.
    longestToken: MAX_ACCESS_TOKEN_TTL,
    secrets,
    replies,
    logger,
  });
  const { clock } = opened;
  const stats = createStats({ store: opened.dailyStats, clock, logger });
  const stores: Stores<Message> = {
    ...opened,
    audit: {
      ...opened.audit,
      async record(entry, actor, tx) {
        await opened.audit.record(entry, actor, tx);
        opened.whenCommitted(() => stats.noteEvent(entry, actor), tx);
      },
    },
  };
  const hasher = createPasswordHasher(config.passwords, createHashSecrets(stores.passwordHashSecrets));
  const foreignHashes = createForeignHashes({ secrets, store: stores.passwordHashSecrets, hasher });
  const upstreamRegistry = new UpstreamRegistry(stores.upstreams, config.upstreams);
  const domain = createDomain({
    config,
    stores,
    hasher,
    foreignHashes,
    secrets,
    clock,
    logger,
    onLogin,
    onSource,
    onOldToken,
    upstreamName: (id) => upstreamRegistry.find(id)?.name,
  });
  await domain.attributes.load();
  const registeredClients = createRegisteredClients({
    ...clientChanges({ stores }),
    clientDocuments: stores.clientDocuments,
    clock,
    unusedAfter: { never: config.clientRegistration.unused, used: config.refresh.absolute },
  });
  const sweeper = createSweeper({
    pool: stores.pool,
    clock,
    logger,
    tasks: {
      deleted_accounts: domain.accounts.purge,
      ended_impersonations: domain.impersonation.sweep,
      audit_events: domain.auditRetention.sweep,
      password_hash_secrets: stores.sweepHashSecrets,
      unused_clients: registeredClients.sweep,
    },
  });
  const keyRing = createKeyRing({ config, stores, clock, progress });
  const health = createCheckHealth(clock, async () => {
    const [{ examine }, { checkPostgres }, { checkKeys }] = await Promise.all([
      import('./doctor/index.ts'),
      import('./doctor/postgres.ts'),
      import('./doctor/keys.ts'),
    ]);
    const checkDatabase = async () => [
      ...(await checkPostgres(config, databaseUrl)),
      ...(await checkKeys(config, { keyRing, accounts: domain.accounts })),
    ];
    return examine(config, checkDatabase, await domain.contractDoors.openOnes());
  });
  const workers = [sweeper, domain.usage, domain.oldTokens, domain.clientUse, domain.refusals, stats];
  return {
    config,
    logger,
    secrets,
    replies,
    stores,
    clock,
    hasher,
    foreignHashes,
    upstreamRegistry,
    registeredClients,
    ...domain,
    keyRing,
    health,
    overview: createOverview({ ...stores, ...domain }),
    stats,
    /** Runs the sweeper once. @returns deleted rows by kind. */
    sweep: sweeper.sweep,
    /** Starts background work: the sweeper and periodic writers. */
    startBackground() {
      clock.start();
      for (const worker of workers) worker.start();
    },
    /** Closes everything opened here. */
    async close() {
      await Promise.all([...workers.map((worker) => worker.stop()), replies.close(), domain.legacy.close()]);
      await stores.close();
    },
  };
}

export type Core = Awaited<ReturnType<typeof createCore>>;
