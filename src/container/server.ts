import { serverLogLevel } from '../core/logger.ts';
import { mountsOf, openContracts, planMounts } from '../http/contracts/mounts.ts';
import type { Contract } from '../http/contracts/contract.ts';
import { createListener } from '../http/listener.ts';
import type { Metrics } from '../http/ops/metrics.ts';
import { sharedChecks } from '../http/ops/readiness.ts';
import { createRequestLog } from '../http/ops/request-log.ts';
import { createOps } from '../http/ops/routes.ts';
import { createProviderPages } from '../http/pages/provider-pages.ts';
import { createPageTools } from '../http/pages/tools.ts';
import type { Listener } from '../http/reply.ts';
import { createTrustedProxy } from '../http/trusted-proxy.ts';
import { DOCUMENT_LIMITS } from '../oidc/clients/documents.ts';
import { createOutboundFetch } from '../oidc/outbound/fetch.ts';
import { warnOfUnproven } from '../oidc/overrides/index.ts';
import { createKoaApp } from './app.ts';
import type { Core } from './core.ts';
import { createDispatchers } from './dispatchers.ts';
import { createProviderSide } from './provider.ts';

export interface ServerOptions {
  /** Every contract, open or not. */
  contracts: readonly Contract[];
  metrics: Metrics;
  /** Whether /readyz reports that the process is draining. */
  isDraining: () => boolean;
}

export interface Server {
  /** The request listener, for use after `start`. */
  listener: Listener;
  /** Loads keys, APIs and identity providers and builds the provider. @throws StartupError with a wrong SECRETS_KEY. */
  start(): Promise<void>;
  /** Starts background work: the dispatchers of the outbox, and the core's. */
  startBackground(): void;
  /** Stops background work. The caller closes the core. */
  close(): Promise<void>;
}

/**
 * Builds everything that answers requests around the core, without listening. @throws StartupError for invalid
 * settings.
 */
export function createServer(core: Core, { contracts, metrics, isDraining }: ServerOptions): Server {
  const { config, stores, clock, logger, hasher, upstreamRegistry, contractDoors } = core;
  const { publicUrl, production } = config;
  planMounts(contracts, config.contracts);
  const mounts = mountsOf(contracts, config.contracts);
  const fetch = createOutboundFetch(config.outbound);
  const pageTools = createPageTools(core);
  const checks = sharedChecks(stores.checks);
  const provider = createProviderSide(core, {
    pages: createProviderPages(pageTools, core.accounts, production),
    contracts: openContracts(mounts, publicUrl).map(({ contract }) => {
      const { name, rotatesRefreshTokens: rotates, tokens } = contract;
      const { access, refresh } = config.contracts.tokens[name] ?? tokens;
      return { name, rotates, accessTokenTtl: access, refreshTokenTtl: refresh };
    }),
    fetch,
    fetchDocument: createOutboundFetch(config.outbound, DOCUMENT_LIMITS),
    metrics: {
      ...metrics,
      grant(type, outcome) {
        if (outcome === 'success') core.stats.noteTokens();
        metrics.grant(type, outcome);
      },
    },
  });
  metrics.watchHasher(hasher);
  const logRequest = createRequestLog(logger);
  const trustedProxy = createTrustedProxy(config, logger);
  const listener = createListener({
    clock,
    trustedProxy,
    prebuilt: provider.prebuilt,
    provider: provider.listener,
    ops: createOps({
      settings: config.metrics,
      metrics,
      isLocal: (req) => trustedProxy.isLocal(req),
      checks: { ...checks, clock: stores.checkClock },
      isDraining,
    }),
    app: createKoaApp(core, provider, { mounts, pageTools, fetch, checks }),
    publicUrl,
    logger,
    observe(answered, label) {
      metrics.answered(answered, label);
      logRequest(answered);
    },
  });
  const dispatchers = createDispatchers(core, provider, fetch);
  return {
    listener,
    async start() {
      warnOfUnproven(logger);
      const loadSettings = async () => {
        await core.settings.load();
        logger.level = serverLogLevel(config);
      };
      const { notifications } = stores;
      notifications.reload('upstreams', () => upstreamRegistry.load(), 'upstreams');
      notifications.reload('contracts', () => contractDoors.load(), 'contracts');
      notifications.reload('branding', () => core.branding.load(), 'the branding');
      notifications.reload('settings', loadSettings, 'settings');
      // Subscribe before reading, so that no change is missed.
      await notifications.connect();
      await Promise.all([contractDoors.load(), loadSettings(), core.branding.load()]);
      const open = planMounts(contracts, {
        ...config.contracts,
        enabled: contracts.map(({ name }) => name).filter(contractDoors.isOpen),
      });
      for (const { contract, urls } of openContracts(open, publicUrl))
        logger.info(
          { urls, givesAway: contract.givesAway(config.contracts) },
          `the contract door ${contract.name} is open`,
        );
      await Promise.all([upstreamRegistry.load(), provider.start()]);
    },
    startBackground() {
      void stores.noticeEviction();
      core.startBackground();
      dispatchers.start();
    },
    async close() {
      provider.live.stop();
      await dispatchers.stop();
    },
  };
}
