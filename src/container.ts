/**
 * The only place that constructs things, with `container/`: every part is handed what it uses, here. `createContainer`
 * opens connections and builds; nothing listens yet.
 */
import type { RequestListener } from 'node:http';
import type { Config } from './config/index.ts';
import { createOpenRequests } from './domain/open-requests.ts';
import { createRegisteredClients } from './domain/registered-clients.ts';
import { createPasswordHasher } from './domain/passwords/hasher.ts';
import { createAdmin } from './container/admin.ts';
import type { Container } from './container/container.ts';
import { createDomain } from './container/domain.ts';
import { createKeyRing } from './container/key-ring.ts';
import { createDispatchers } from './container/dispatchers.ts';
import { openStores } from './container/stores.ts';
import { createUpstream } from './container/upstream.ts';
import { createApi } from './http/api/index.ts';
import { createApp } from './http/app.ts';
import { userActor } from './http/actor.ts';
import { createContracts } from './http/contracts/index.ts';
import { createLimiter } from './http/endpoints/limiter.ts';
import { planMounts } from './http/contracts/mounts.ts';
import { allContracts } from './http/contracts/registry.ts';
import { createDevMail } from './http/dev-mail/routes.ts';
import { createListener } from './http/listener.ts';
import { createMetrics } from './http/ops/metrics.ts';
import { createRequestLog } from './http/ops/request-log.ts';
import { sharedChecks } from './http/ops/readiness.ts';
import { createOps } from './http/ops/routes.ts';
import { createPageTools } from './http/pages/tools.ts';
import { createProviderPages } from './http/pages/provider-pages.ts';
import { Prebuilt } from './oidc/prebuilt.ts';
import { createTrustedProxy } from './http/trusted-proxy.ts';
import { mailFolder } from './mail/index.ts';
import type { Logger } from './core/logger.ts';
import { noProgress, type Progress } from './core/progress.ts';
import { Replies } from './core/replies.ts';
import { Secrets } from './core/secrets.ts';
import { AccessTokenVerifier } from './oidc/tokens/access-token-verifier.ts';
import { providerEvents } from './oidc/provider-events.ts';
import { createAdapterFactory } from './oidc/adapters.ts';
import { ApiTokens } from './oidc/tokens/api-tokens.ts';
import { ApiRegistry, MAX_ACCESS_TOKEN_TTL } from './oidc/tokens/apis.ts';
import { LoginAnswers } from './oidc/ciba/answers.ts';
import { BrowserSessions } from './oidc/sessions/browser-session.ts';
import { ClientRegistry } from './oidc/clients/registry.ts';
import { cookieSettings } from './oidc/cookies.ts';
import { contractApi, contractClient } from './oidc/contracts/clients.ts';
import { ContractTokens } from './oidc/contracts/tokens.ts';
import { Interactions } from './oidc/interactions/interactions.ts';
import { LiveProvider } from './oidc/live-provider.ts';
import { createOutboundFetch } from './oidc/outbound/fetch.ts';
import { warnOfUnproven } from './oidc/overrides/index.ts';
import { createProvider } from './oidc/provider.ts';
import { createRedemption } from './oidc/redemption.ts';
import { apis as apiStore } from './storage/apis.ts';
import { audit } from './storage/audit.ts';
import { createSweeper } from './storage/oidc/sweeper.ts';
import { createAdapters } from './storage/oidc/adapters.ts';
import { isUnavailable } from './storage/postgres/pool-unavailable.ts';
import type { Tx } from './storage/postgres/transaction.ts';

export type { Container } from './container/container.ts';

export interface ContainerOptions {
  databaseUrl: string;
  secretsKey: string;
  logger: Logger;
  /** Whether /readyz shall send traffic elsewhere. */
  isDraining?: () => boolean;
  progress?: Progress;
}

export async function createContainer(config: Config, options: ContainerOptions): Promise<Container> {
  const { databaseUrl, logger } = options;
  const secrets = new Secrets(options.secretsKey);
  const replies = new Replies(logger);

  const stores = await openStores({
    databaseUrl,
    redisUrl: config.redisUrl,
    longestToken: MAX_ACCESS_TOKEN_TTL,
    secrets,
    replies,
    logger,
  });
  const { clock, pool, redis, notifications, users, consents, counters, revocation, inTransaction } = stores;
  const checks = sharedChecks(stores.checks);
  const announce = (topic: string, key: string, tx: Tx) => notifications.publish(topic, key, tx);
  const hasher = createPasswordHasher(config.passwords);
  const mounts = planMounts(allContracts, config.contracts);
  const metrics = createMetrics({ hasher });
  const outboundFetch = createOutboundFetch(config.outbound);
  const upstream = createUpstream({ config, stores, fetch: outboundFetch, clock, logger });
  const domain = createDomain({
    upstreamName: (id) => upstream.registry.find(id)?.name,
    config,
    stores,
    hasher,
    secrets,
    clock,
    logger,
    onLogin: metrics.login,
  });
  const {
    accounts,
    logins,
    loginSteps,
    mfa,
    verification,
    registration,
    reset,
    apiKeys,
    usage,
    auditRetention,
  } = domain;

  // The provider
  const { tokens, session, publicUrl } = config;
  const contractSettings = [...new Set(mounts.map(({ contract }) => contract))].map(
    ({ name, rotatesRefreshTokens: rotates, tokens }) => {
      const { access, refresh } = config.contracts.tokens[name] ?? tokens;
      return { name, rotates, accessTokenTtl: access, refreshTokenTtl: refresh };
    },
  );
  const keyRing = createKeyRing({ config, stores, clock, progress: options.progress ?? noProgress });
  const clientRegistry = new ClientRegistry(stores.clients);
  const apiRegistry = new ApiRegistry(
    apiStore,
    publicUrl,
    contractSettings.map((contract) => contractApi(publicUrl, contract)),
  );
  const verifier = new AccessTokenVerifier({
    issuer: publicUrl,
    clock,
    hasPlainType: (audience) => apiRegistry.hasPlainType(audience),
    isRevoked: (token) => revocation.isRevoked(token),
  });
  const clientChanges = {
    clients: stores.clients,
    audit,
    inTransaction,
    endClient: (id: string, tx: Tx) => revocation.endClient(id, tx),
    announce: (id: string, tx: Tx) => announce('clients', id, tx),
  };
  const pageTools = createPageTools({ config, secrets, clock });
  const prebuilt = new Prebuilt();
  const cookies = cookieSettings(publicUrl, secrets);
  const redemption = createRedemption({ replies, clock });
  const endGrant = (grantId: string) => revocation.endGrant(grantId);
  const live = new LiveProvider({
    keyRing,
    clock,
    logger,
    build: (keys) =>
      createProvider(
        {
          config,
          clock,
          secrets,
          apis: apiRegistry,
          consents,
          adapter: createAdapterFactory({
            stores: createAdapters({ pool, redis, clock, endGrant }),
            clients: clientRegistry,
            registered: createRegisteredClients(clientChanges),
            redemption,
            clock,
            observe: metrics.store,
          }),
          findUser: (id) => users.findById(id),
          lacksFactor: mfa.lacksRequired,
          staticClients: contractSettings.map(contractClient),
          pages: createProviderPages(pageTools, accounts, config.production),
          fetch: outboundFetch,
          clients: clientRegistry,
          clientSecrets: async (id) => (await stores.clientSecrets.list(id)).map(({ hash }) => hash),
          verifier,
          events: providerEvents({ metrics, audit, refusals: domain.refusals, logger }),
          revokeToken: (jti, expiresAt) => revocation.endToken(jti, expiresAt),
          isUnavailable,
          audit,
          counters,
          guessLimit: domain.guessLimit,
          openRequests: createOpenRequests({ counters, clock }),
          replies,
          loginRequests: domain.loginRequests,
          accountSessions: domain.accountSessions,
          deviceSignIns: stores.deviceSignIns,
        },
        keys,
      ),
    onSwap(provider, keys) {
      verifier.useKeys(keys.publicJwks);
      prebuilt.attach(provider);
      callback = provider.callback();
    },
  });
  let callback: RequestListener = () => {
    throw new Error('not started');
  };
  notifications.subscribe('clients', (id) => clientRegistry.forget(id));
  notifications.subscribe('apis', () => void reloadApis());
  notifications.subscribe('keys', () => void live.reload());
  const reloadApis = () =>
    apiRegistry.load().catch((error: unknown) => logger.error({ err: error }, 'APIs could not be read'));
  // The transport
  const sessions = new BrowserSessions({
    live,
    cookies,
    ttl: { session: session.ttl, remembered: session.remembered },
    endGrant,
  });
  const provider = () => callback;
  const limiter = createLimiter(counters, config.contracts.limits);
  const guard = {
    limiter,
    logger,
    isUnavailable,
    passwords: config.passwords,
    bodyLimit: config.http.bodyLimit,
  };
  const contracts = createContracts({
    ...guard,
    mounts,
    services: {
      accounts,
      login: logins.login,
      tokens: new ContractTokens({
        live,
        apis: apiRegistry,
        verifier,
        publicUrl,
        provider,
        endGrant,
        loggedOut: (accountId, actor) => audit.record({ type: 'logout', subject: accountId }, actor),
      }),
      apiKeys,
      mfa,
      reset,
      verification,
      secrets,
      clock,
      settings: config.contracts,
      publicUrl,
      checks,
    },
    noteUse: usage.note,
  });
  const interactions = new Interactions({
    live,
    apis: apiRegistry,
    consents,
    audit,
    inTransaction,
    sessions,
    lifetime: tokens.interaction,
  });
  const api = createApi({
    ...guard,
    services: {
      accounts,
      verification,
      mfa,
      accountSessions: domain.accountSessions,
      history: domain.history,
      accountData: domain.accountData,
      apiKeys,
      identities: domain.upstreamAccounts,
      describeClient: async (clientId) => (await interactions.describe(clientId, [])).client,
    },
    tokens: new ApiTokens({ verifier, live, clock, audience: apiRegistry.builtIn }),
    publicUrl,
  });
  const { production, smtpUrl, dataDir } = config;
  const devMail =
    production || smtpUrl !== undefined
      ? undefined
      : createDevMail({ folder: mailFolder(dataDir), publicUrl, production });
  const app = createApp({
    contracts,
    api,
    limiter,
    cookieKeys: cookies.keys as string[],
    logger,
    isUnavailable,
    devMail,
    pages: {
      config,
      clock,
      secrets,
      ...pageTools,
      logins,
      loginSteps,
      mfa,
      accounts,
      registration,
      verification,
      reset,
      undo: domain.undo,
      signInLinks: domain.signInLinks,
      accountSessions: domain.accountSessions,
      history: domain.history,
      accountData: domain.accountData,
      apiKeys,
      devMailUrl: devMail && '/dev/mail',
      interactions,
      loginAnswers: new LoginAnswers({ live, requests: domain.loginRequests, pings: stores.pings }),
      sessions,
      upstream: { ...upstream, accounts: domain.upstreamAccounts },
      signedOut: (ctx, accountId) =>
        audit.record({ type: 'logout', subject: accountId }, userActor(ctx, 'pages', accountId)),
    },
  });
  const logRequest = createRequestLog(logger);
  const trustedProxy = createTrustedProxy(config, logger);
  const listener = createListener({
    replies,
    trustedProxy,
    prebuilt,
    provider,
    ops: createOps({
      settings: config.metrics,
      metrics,
      isLocal: (req) => trustedProxy.isLocal(req),
      checks: { ...checks, clock: stores.checkClock },
      isDraining: options.isDraining ?? (() => false),
    }),
    app: app.callback(),
    publicUrl,
    logger,
    observe(answered, label) {
      metrics.answered(answered, label);
      logRequest(answered);
    },
  });
  const sweeper = createSweeper({
    pool,
    clock,
    logger,
    tasks: { deleted_accounts: accounts.purge, audit_events: auditRetention.sweep },
  });
  const dispatchers = createDispatchers({ config, stores, live, fetch: outboundFetch, clock, logger });

  return {
    accounts,
    verification,
    mfa,
    reset,
    accountSessions: domain.accountSessions,
    audit,
    ...createAdmin({ config, stores, live, clientChanges }),
    upstreams: upstream.admin,
    apiKeys,
    usage,
    refusals: domain.refusals,
    auditRetention,
    keyRing,
    metrics,
    listener,
    checks,
    sweep: sweeper.sweep,
    async start() {
      warnOfUnproven(logger);
      // Before anything is read: no change after that is missed.
      await notifications.connect();
      await Promise.all([apiRegistry.load(), upstream.registry.load(), live.start()]);
    },
    startBackground() {
      clock.start();
      sweeper.start();
      dispatchers.start();
      usage.start();
      domain.refusals.start();
    },
    async close() {
      live.stop();
      await Promise.all([
        sweeper.stop(),
        usage.stop(),
        domain.refusals.stop(),
        dispatchers.stop(),
        replies.close(),
      ]);
      await stores.close();
    },
  };
}
