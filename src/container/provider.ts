import type { RequestListener } from 'node:http';
import type { Metrics } from '../http/ops/metrics.ts';
import { linkedAccounts } from '../domain/linked-accounts.ts';
import { createOpenRequests } from '../domain/open-requests.ts';
import { createAdapterFactory } from '../oidc/adapters.ts';
import { ReadAhead } from '../oidc/read-ahead.ts';
import { ClientDocuments } from '../oidc/clients/documents.ts';
import { ClientRegistry } from '../oidc/clients/registry.ts';
import type { ProviderPages } from '../oidc/configuration.ts';
import { type ContractSettings, contractApi, contractClient } from '../oidc/contracts/clients.ts';
import type { Keys } from '../oidc/key-ring.ts';
import { LiveProvider } from '../oidc/live-provider.ts';
import { listenerOf } from '../oidc/fast-path/index.ts';
import type { OutboundFetch } from '../oidc/outbound/fetch.ts';
import { Prebuilt } from '../oidc/prebuilt.ts';
import { providerEvents } from '../oidc/provider-events.ts';
import { createProvider } from '../oidc/provider.ts';
import { createRedemption } from '../oidc/redemption.ts';
import { AccessTokenVerifier } from '../oidc/tokens/access-token-verifier.ts';
import { ApiRegistry } from '../oidc/tokens/apis.ts';
import { createAuthorization } from '../oidc/tokens/authorization-claims.ts';
import { createAdapters } from '../storage/oidc/adapters.ts';
import { relatedReader } from '../storage/oidc/postgres-related.ts';
import { isUnavailable } from '../storage/postgres/pool-unavailable.ts';
import type { Core } from './core.ts';

/** Dependencies of the provider. */
export interface ProviderSurroundings {
  /** The pages that the provider shows. */
  pages: ProviderPages;
  /** Every contract. Each open one is a client and an API. */
  contracts: ContractSettings[];
  /** The guarded fetch, for addresses that clients choose. */
  fetch: OutboundFetch;
  /** The guarded fetch for client documents. */
  fetchDocument: OutboundFetch;
  metrics: Pick<Metrics, 'grant' | 'authorization' | 'store'>;
}

/**
 * Runs oidc-provider on the core with its clients, APIs and signing keys. After `start` it answers requests and
 * follows changes by other nodes.
 */
export function createProviderSide(
  core: Core,
  { pages, contracts, fetch, fetchDocument, metrics }: ProviderSurroundings,
) {
  const { config, stores, clock, secrets, replies, logger, keyRing } = core;
  const { publicUrl } = config;
  const { audit, counters, notifications, revocation } = stores;
  const isOpen = (contract: string) => core.contractDoors.isOpen(contract);
  const apis = new ApiRegistry(
    stores.apis,
    publicUrl,
    contracts.map((contract) => ({
      api: contractApi(publicUrl, contract),
      isOpen: () => isOpen(contract.name),
    })),
  );
  const documents = new ClientDocuments({
    settings: config.clientDocuments,
    apis,
    registered: core.registeredClients,
    fetch: fetchDocument,
    guessLimit: core.guessLimit,
    clock,
  });
  const clients = new ClientRegistry(stores.clients, isOpen, documents, core.attributes);
  const authorization = createAuthorization({ rights: core.rights, groups: stores.groups, apis });
  const verifier = new AccessTokenVerifier({
    issuer: publicUrl,
    clock,
    hasPlainType: (audience) => apis.hasPlainType(audience),
    isRevoked: (token) => revocation.isRevoked(token),
  });
  const readAhead = new ReadAhead(relatedReader({ pool: stores.pool, clock }));
  const adapter = createAdapterFactory({
    stores: createAdapters({ ...stores, endGrant: (grantId) => revocation.endGrant(grantId) }),
    clients,
    registered: core.registeredClients,
    redemption: createRedemption({ replies, clock }),
    readAhead,
    clock,
    observe: metrics.store,
  });
  const findUser = (id: string) => readAhead.account(id) ?? stores.users.findById(id);
  const dependencies = {
    config,
    clock,
    secrets,
    apis,
    clients,
    adapter,
    verifier,
    pages,
    fetch,
    audit,
    counters,
    replies,
    isUnavailable,
    consents: stores.consents,
    deviceSignIns: stores.deviceSignIns,
    guessLimit: core.guessLimit,
    backchannelRequests: core.backchannelRequests,
    accountSessions: core.accountSessions,
    actingAgents: stores.actingAgents,
    impersonation: core.impersonation,
    lacksFactor: core.mfa.lacksRequired,
    rights: core.rights,
    authorization,
    attributes: core.attributes,
    openRequests: createOpenRequests({ counters, clock }),
    events: providerEvents({ metrics, audit, refusals: core.refusals, clientUse: core.clientUse, logger }),
    staticClients: contracts.map(contractClient),
    sourceIds: stores.imports,
    linkedAccount: linkedAccounts(stores),
    findUser,
    clientSecrets: async (id: string) => (await stores.clientSecrets.list(id)).map(({ hash }) => hash),
    revokeToken: (jti: string, expiresAt: number) => revocation.endToken(jti, expiresAt),
  };
  const build = (keys: Keys) => createProvider(dependencies, keys);
  const prebuilt = new Prebuilt(() => documents.isOn);
  let callback: RequestListener = () => {
    throw new Error('not started');
  };
  const live = new LiveProvider({
    keyRing,
    clock,
    logger,
    build,
    onSwap(provider, keys) {
      verifier.useKeys(keys.publicJwks);
      prebuilt.attach(provider);
      callback = listenerOf(provider);
    },
  });
  return {
    live,
    clients,
    apis,
    authorization,
    verifier,
    prebuilt,
    findUser,
    /** Builds a provider that serves no requests, for validation. */
    build,
    /** The listener of the provider's routes. Get it anew for each request: keys may have changed. */
    listener: () => callback,
    /** Reads keys and APIs and builds the provider. @throws StartupError with a wrong SECRETS_KEY. */
    async start() {
      notifications.subscribe('clients', (id) => clients.forget(id));
      notifications.subscribe('keys', () => void live.reload());
      notifications.reload(
        'attributes',
        () => core.attributes.load().then(() => live.reload()),
        'attributes',
      );
      notifications.reload('apis', () => apis.load(), 'APIs');
      await Promise.all([apis.load(), live.start()]);
    },
  };
}

export type ProviderSide = ReturnType<typeof createProviderSide>;
