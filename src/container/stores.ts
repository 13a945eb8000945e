import type { Config } from '../config/index.ts';
import type { Logger } from '../core/logger.ts';
import type { Replies } from '../core/replies.ts';
import type { Secrets } from '../core/secrets.ts';
import type { Message } from '../mail/index.ts';
import { createApiKeyStore } from '../storage/api-keys.ts';
import { createApis } from '../storage/apis.ts';
import {
  attributeSchemas,
  contractStates,
  mailTexts,
  ownedResources,
  runtimeSettings,
} from '../storage/settings.ts';
import { audit } from '../storage/audit.ts';
import { createAuditSearch } from '../storage/audit-search.ts';
import { createClientSecrets } from '../storage/client-secrets.ts';
import { createClients } from '../storage/clients.ts';
import { createConsents } from '../storage/consents.ts';
import { branding } from '../storage/branding.ts';
import { createContractUsageStore } from '../storage/contract-usage.ts';
import { createDailyStatsStore } from '../storage/daily-stats.ts';
import { createFindByText } from '../storage/finding.ts';
import { createDeviceSignIns, createSignIns } from '../storage/sign-ins.ts';
import { postgresCounters } from '../storage/counters.ts';
import { createDirectory } from '../storage/directory.ts';
import { createFactorStores } from '../storage/factors.ts';
import { createGrants } from '../storage/grants.ts';
import { identities } from '../storage/identities.ts';
import { openStaging } from '../storage/import-staging.ts';
import { createImports } from '../storage/imports.ts';
import { createGroups } from '../storage/groups.ts';
import { createIdempotentRequests } from '../storage/idempotent-requests.ts';
import { createMailOutbox } from '../storage/mail-outbox.ts';
import { createLogoutNotices } from '../storage/logout-notices.ts';
import { passwordHashSecrets } from '../storage/password-hash-secrets.ts';
import { createCibaRequests, createPings } from '../storage/ciba-requests.ts';
import { createOneTimeTokens } from '../storage/one-time-tokens.ts';
import { createOutbox } from '../storage/outbox.ts';
import { createDatabaseClock } from '../storage/postgres/database-clock.ts';
import { Notifications } from '../storage/postgres/notifications.ts';
import { createPool } from '../storage/postgres/pool.ts';
import { checkWritable } from '../storage/postgres/readiness.ts';
import { createSequelize } from '../storage/postgres/open.ts';
import { joining, transactions } from '../storage/postgres/transaction.ts';
import { probeRedis } from '../storage/redis/commands.ts';
import { createRefusalStore } from '../storage/refusals.ts';
import { createRegistrationTokenStore } from '../storage/registration-tokens.ts';
import { roles } from '../storage/roles.ts';
import { createRevocation } from '../storage/revocation.ts';
import { createScimTokenStore } from '../storage/scim-tokens.ts';
import { createSessions } from '../storage/sessions.ts';
import { signingKeys } from '../storage/signing-keys.ts';
import { createUnanswered, createUsedSteps } from '../storage/redemptions.ts';
import { createUpstreams } from '../storage/upstreams.ts';
import { createUserSearch } from '../storage/user-search.ts';
import { createUsers } from '../storage/users.ts';
import { createWebhookQueue, createWebhooks } from '../storage/webhooks.ts';

interface Dependencies {
  databaseUrl: string;
  redisUrl: Config['redisUrl'];
  /** Seconds that no access token outlives. */
  longestToken: number;
  secrets: Secrets;
  replies: Replies;
  logger: Logger;
}

/** Redis and the counters in it. Their libraries weigh much: don't load them where there is no Redis. */
async function connectRedis(url: string, logger: Logger) {
  const [{ createRedis }, { redisCounters }] = await Promise.all([
    import('../storage/redis/client.ts'),
    import('../storage/redis/counters.ts'),
  ]);
  const redis = createRedis(url, logger);
  return { redis, counters: redisCounters(redis) };
}

/**
 * Connects to the stores and makes what is built on them; `close` ends it all. Notifications are sent, and heard once
 * `notifications.connect` was called.
 */
export async function openStores({
  databaseUrl,
  redisUrl,
  longestToken,
  secrets,
  replies,
  logger,
}: Dependencies) {
  const connections = createPool(databaseUrl, { logger, applicationName: 'postern' });
  const pool = joining(connections);
  const sequelize = createSequelize(connections, secrets);
  const { redis, counters } =
    redisUrl === undefined
      ? { redis: undefined, counters: postgresCounters(connections) }
      : await connectRedis(redisUrl, logger);
  const notifications = new Notifications(databaseUrl, logger);
  const clock = await createDatabaseClock(connections, logger);
  return {
    pool: connections,
    redis,
    clock,
    notifications,
    ...transactions(sequelize, logger),
    audit,
    auditSearch: createAuditSearch(pool),
    apis: createApis(pool),
    attributeSchemas,
    roles,
    groups: createGroups(pool),
    idempotentRequests: createIdempotentRequests(clock),
    imports: createImports(pool),
    openStaging: () => openStaging(databaseUrl),
    users: createUsers(pool),
    userSearch: createUserSearch(pool),
    clients: createClients(pool),
    clientSecrets: createClientSecrets(pool),
    consents: createConsents(pool),
    grants: createGrants(clock),
    sessions: createSessions({ pool, clock }),
    deviceSignIns: createDeviceSignIns({ pool, clock, longestToken }),
    signIns: createSignIns(pool),
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
    passwordHashSecrets,
    unanswered: createUnanswered({ secrets, clock, replies }),
    revocation: createRevocation({ pool, redis, clock, logger, longestToken }),
    registrationTokens: createRegistrationTokenStore(clock),
    apiKeys: createApiKeyStore(pool),
    scimTokens: createScimTokenStore(pool, clock),
    directory: createDirectory(pool),
    contractStates,
    branding,
    dailyStats: createDailyStatsStore(connections),
    findByText: createFindByText(connections),
    runtimeSettings,
    contractUsage: createContractUsageStore(connections),
    webhooks: createWebhooks({ pool, notifications }),
    webhookQueue: createWebhookQueue(connections),
    refusals: createRefusalStore(connections),
    /** Asks each store for an answer; throws what is wrong with it. */
    checks: {
      postgres: () => checkWritable(connections),
      ...(redis ? { redis: () => probeRedis(redis) } : {}),
    } as Record<string, () => Promise<void>>,
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

export type Stores = Awaited<ReturnType<typeof openStores>>;
