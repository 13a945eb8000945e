import type { Config } from '../config/index.ts';
import type { Logger } from '../core/logger.ts';
import type { Replies } from '../core/replies.ts';
import type { Secrets } from '../core/secrets.ts';
import { createReadOverview } from './account-overview.ts';
import { createApiKeyStore } from './api-keys.ts';
import { createApis } from './apis.ts';
import { attributeSchemas, contractStates, mailTexts, ownedResources, runtimeSettings } from './settings.ts';
import { audit } from './audit.ts';
import { createAuditSearch } from './audit-search.ts';
import { createActingAgents } from './acting-agents.ts';
import { clientDocuments } from './client-documents.ts';
import { createClientSecrets } from './client-secrets.ts';
import { createClients } from './clients.ts';
import { createConsents } from './consents.ts';
import { branding } from './branding.ts';
import { createContractUsageStore } from './contract-usage.ts';
import { createDailyStatsStore } from './daily-stats.ts';
import { firstSteps } from './first-steps.ts';
import { createFindByText } from './finding.ts';
import { createDeviceSignIns, createSignIns } from './sign-ins.ts';
import { postgresCounters } from './counters.ts';
import { createDirectory } from './directory.ts';
import { createFactorStores } from './factors.ts';
import { createGrants } from './grants.ts';
import { identities } from './identities.ts';
import { openStaging } from './import-staging.ts';
import { createImpersonations } from './impersonations.ts';
import { createImports } from './imports.ts';
import { createGroups } from './groups.ts';
import { createIdempotentRequests } from './idempotent-requests.ts';
import { createMailOutbox } from './waiting-mail.ts';
import { createLogoutNotices } from './logout-notices.ts';
import { createSecretSweep, passwordHashSecrets } from './password-hash-secrets.ts';
import { createMigrationCounts } from './migration.ts';
import { createOldTokenStore } from './old-tokens.ts';
import { createCibaRequests, createPings } from './ciba-requests.ts';
import { createOneTimeTokens } from './one-time-tokens.ts';
import { type Addressed, createOutbox } from './outbox.ts';
import { boundedReads } from './postgres/bounded.ts';
import { createDatabaseClock } from './postgres/database-clock.ts';
import type { Coordination } from './postgres/locks.ts';
import { Notifications } from './postgres/notifications.ts';
import { createPool } from './postgres/pool.ts';
import { preparePooler } from './postgres/pooler.ts';
import { checkWritable } from './postgres/readiness.ts';
import { createSequelize } from './postgres/open.ts';
import { joining, transactions } from './postgres/transaction.ts';
import { probeRedis } from './redis/commands.ts';
import { checkEviction, evictionOf } from './redis/eviction.ts';
import { createRefusalStore } from './refusals.ts';
import { createRegistrationTokenStore } from './registration-tokens.ts';
import { roles } from './roles.ts';
import { createRevocation } from './revocation.ts';
import { createScimTokenStore } from './scim-tokens.ts';
import { createSessions } from './sessions.ts';
import { signingKeys } from './signing-keys.ts';
import { createUnanswered, createUsedSteps } from './redemptions.ts';
import { createUpstreams } from './upstreams.ts';
import { createUserSearch } from './user-search.ts';
import { createUsers } from './users.ts';
import { createWebhookQueue, createWebhooks } from './webhooks.ts';

/** Redis and the counters in it. Their libraries are large: don't load them without Redis. */
async function connectRedis(url: string, logger: Logger) {
  const [{ createRedis }, { redisCounters }] = await Promise.all([
    import('./redis/client.ts'),
    import('./redis/counters.ts'),
  ]);
  const redis = createRedis(url, logger);
  return { redis, counters: redisCounters(redis) };
}

/**
 * Connects to the stores and builds what depends on them; `close` ends everything. Notifications are sent at once, but heard
 * only after `notifications.connect`.
 */
export async function openStores<Message extends Addressed>({
  databaseUrl,
  pooler,
  coordination,
  redisUrl,
  longestToken,
  secrets,
  replies,
  logger,
}: {
  databaseUrl: string;
  pooler: Config['pooler'];
  coordination: Coordination;
  redisUrl: Config['redisUrl'];
  /** Seconds that no access token outlives. */
  longestToken: number;
  secrets: Secrets;
  replies: Replies;
  logger: Logger;
}) {
  const connections = createPool(pooler?.url ?? databaseUrl, { logger, applicationName: 'postern', pooler });
  if (pooler) await preparePooler(databaseUrl, connections, pooler);
  const pool = joining(connections);
  const sequelize = createSequelize(connections, secrets);
  const { redis, counters } =
    redisUrl === undefined
      ? { redis: undefined, counters: postgresCounters(connections) }
      : await connectRedis(redisUrl, logger);
  const notifications = new Notifications(databaseUrl, logger, coordination);
  const clock = await createDatabaseClock(connections, logger);
  const transacting = transactions(sequelize, logger, coordination);
  const bounded = boundedReads(transacting.inTransaction);
  return {
    pool: connections,
    redis,
    clock,
    notifications,
    ...transacting,
    audit,
    auditSearch: createAuditSearch(pool, bounded),
    apis: createApis(pool),
    attributeSchemas,
    roles,
    groups: createGroups(pool),
    idempotentRequests: createIdempotentRequests(clock),
    impersonations: createImpersonations({ pool, clock }),
    imports: createImports(pool),
    openStaging: () => openStaging(databaseUrl),
    users: createUsers(pool),
    userSearch: createUserSearch(pool, bounded),
    clients: createClients(pool),
    clientSecrets: createClientSecrets(pool),
    clientDocuments,
    consents: createConsents(pool),
    actingAgents: createActingAgents(pool),
    grants: createGrants(clock),
    sessions: createSessions({ pool, clock }),
    deviceSignIns: createDeviceSignIns({ pool, clock, longestToken }),
    signIns: createSignIns(pool),
    readOverview: createReadOverview(pool, clock, longestToken),
    signingKeys,
    counters,
    factors: createFactorStores({ pool, secrets }),
    ownedResources,
    outbox: createOutbox<Message>({ pool, secrets, notifications }),
    mailOutbox: createMailOutbox({ pool, notifications }),
    mailTexts,
    identities,
    upstreams: createUpstreams(pool),
    logoutNotices: createLogoutNotices(pool),
    pings: createPings({ pool, secrets, notifications }),
    cibaRequests: createCibaRequests(clock),
    oneTimeTokens: createOneTimeTokens(clock),
    usedSteps: createUsedSteps(replies),
    migrationCounts: createMigrationCounts(pool),
    oldTokens: createOldTokenStore(pool),
    passwordHashSecrets,
    sweepHashSecrets: createSecretSweep(pool),
    unanswered: createUnanswered({ secrets, clock, replies }),
    revocation: createRevocation({ pool, redis, clock, logger, longestToken }),
    registrationTokens: createRegistrationTokenStore(clock),
    apiKeys: createApiKeyStore(pool),
    scimTokens: createScimTokenStore(pool, clock),
    directory: createDirectory(pool, bounded),
    contractStates,
    branding,
    dailyStats: createDailyStatsStore(connections),
    firstSteps,
    findByText: createFindByText(connections),
    runtimeSettings,
    contractUsage: createContractUsageStore(connections),
    webhooks: createWebhooks({ pool, notifications }),
    webhookQueue: createWebhookQueue(connections),
    refusals: createRefusalStore(connections),
    /** Asks each store for an answer; throws what is wrong with it. */
    checks: {
      postgres: () => checkWritable(connections),
      ...(redis
        ? {
            async redis() {
              await probeRedis(redis);
              await checkEviction(redis);
            },
          }
        : {}),
    } as Record<string, () => Promise<void>>,
    /** Logs when Redis may evict: a code or a revocation that is evicted is lost. */
    async noticeEviction() {
      if (!redis) return;
      const { policy } = await evictionOf(redis).catch(() => ({ policy: 'noeviction' }));
      if (policy !== 'noeviction')
        logger.error(
          { policy },
          'Redis may evict data that must be kept: set its maxmemory-policy to noeviction',
        );
    },
    /** @throws when this machine's clock is wrong. */
    async checkClock() {
      if (!(await clock.isAstray())) return;
      const seconds = Math.round(clock.skew() / 1000);
      throw new Error(`${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the database's`);
    },
    async close() {
      clock.stop();
      await notifications.close();
      redis?.disconnect();
      await connections.end();
    },
  };
}

/** All stores; each part takes those it uses. The outbox holds messages of type `Message`. */
export type Stores<Message extends Addressed = Addressed> = Awaited<ReturnType<typeof openStores<Message>>>;
