import type { RequestListener } from 'node:http';
import { userActor } from '../http/actor.ts';
import { createApp } from '../http/app.ts';
import { contractsBefore } from '../http/contracts/fast-path.ts';
import { createContracts } from '../http/contracts/index.ts';
import type { Mount } from '../http/contracts/mounts.ts';
import { createDevMail } from '../http/dev-mail.ts';
import { lazily } from '../http/lazily.ts';
import { createLimiter } from '../http/endpoints/limiter.ts';
import type { Checks } from '../http/ops/readiness.ts';
import type { PageTools } from '../http/pages/tools.ts';
import { mailFolder } from '../mail/index.ts';
import { BackchannelAnswers } from '../oidc/ciba.ts';
import { ContractTokens } from '../oidc/contracts/tokens.ts';
import { cookieSettings } from '../oidc/cookies.ts';
import { Interactions } from '../oidc/interactions/interactions.ts';
import type { OutboundFetch } from '../oidc/outbound/fetch.ts';
import { createOperatorCookie } from '../oidc/sessions/viewing.ts';
import { BrowserSessions } from '../oidc/sessions/browser-session.ts';
import { ApiTokens } from '../oidc/tokens/api-tokens.ts';
import { isUnavailable } from '../storage/postgres/pool-unavailable.ts';
import type { Core } from './core.ts';
import type { ProviderSide } from './provider.ts';
import { createLazyRelyingParty } from './relying-party.ts';

interface Surroundings {
  /** Where each contract answers. */
  mounts: Mount[];
  pageTools: PageTools;
  /** The guarded fetch. */
  fetch: OutboundFetch;
  /** Health checks by store; each throws its failure. */
  checks: Checks;
}

/** The Koa app over the core and its provider: contracts, API and pages. */
export function createKoaApp(
  core: Core,
  provider: ProviderSide,
  { mounts, pageTools, fetch, checks }: Surroundings,
): RequestListener {
  const { config, stores, secrets, clock, logger } = core;
  const { publicUrl, production, session } = config;
  const { audit } = stores;
  const { live, apis, verifier } = provider;
  const cookies = cookieSettings(publicUrl, secrets);
  const endGrant = (grantId: string) => stores.revocation.endGrant(grantId);
  const sessions = new BrowserSessions({
    live,
    cookies,
    ttl: { session: session.ttl, remembered: session.remembered },
    endGrant,
    findUser: provider.findUser,
    impersonation: core.impersonation,
    operatorCookie: createOperatorCookie(publicUrl, secrets),
  });
  const interactions = new Interactions({
    live,
    apis,
    authorization: provider.authorization,
    findUser: (id) => stores.users.findById(id),
    clients: stores.clients,
    attributes: core.attributes,
    sourceIds: stores.imports,
    consents: stores.consents,
    audit,
    inTransaction: stores.inTransaction,
    sessions,
    lifetime: config.tokens.interaction,
  });
  const limiter = createLimiter(stores.counters, config.contracts.limits);
  const guard = {
    limiter,
    logger,
    isUnavailable,
    passwords: config.passwords,
    bodyLimit: config.http.bodyLimit,
  };
  const doors = {
    ...guard,
    mounts,
    isOpen: core.contractDoors.isOpen,
    services: {
      ...core,
      login: core.logins.login,
      tokens: new ContractTokens({
        live,
        apis,
        verifier,
        publicUrl,
        provider: provider.listener,
        endGrant,
        oldTokens: core.oldTokens,
        isRotating: (name) =>
          mounts.some(({ contract }) => contract.name === name && contract.rotatesRefreshTokens),
        loggedOut: (accountId, actor) => audit.record({ type: 'logout', subject: accountId }, actor),
      }),
      settings: config.contracts,
      publicUrl,
      checks,
    },
    noteUse: core.usage.note,
  };
  const contracts = createContracts(doors);
  const createServices = async () => {
    const [{ createAdministration }, { createClientValidator }, { createPreviewTokens }] = await Promise.all([
      import('./administration.ts'),
      import('../oidc/clients/validator.ts'),
      import('../oidc/tokens/preview.ts'),
    ]);
    return {
      ...core,
      ...createAdministration(core, async () => createClientValidator(live, provider.clients)),
      previewTokens: createPreviewTokens({
        config,
        live,
        apis,
        rights: core.rights,
        authorization: provider.authorization,
        attributes: core.attributes,
        findUser: (id) => stores.users.findById(id),
      }),
      publicUrl,
      identities: core.upstreamAccounts,
      describeClient: async (clientId: string) => (await interactions.describe(clientId, [])).client,
    };
  };
  let services: ReturnType<typeof createServices> | undefined;
  const administration = () => (services ??= createServices());
  const api = lazily(async () => {
    const { createApi } = await import('../http/api/index.ts');
    return createApi({
      ...guard,
      services: await administration(),
      tokens: new ApiTokens({ verifier, live, clock, audience: apis.builtIn }),
      publicUrl,
    });
  });
  const scim = lazily(async () => {
    const [{ createScim }, { createDirectories }] = await Promise.all([
      import('../http/scim/index.ts'),
      import('./directories.ts'),
    ]);
    return createScim({ ...guard, services: { ...core, ...createDirectories(core) }, publicUrl });
  });
  const console = lazily(async () => {
    const { createConsole } = await import('../http/console/index.ts');
    return createConsole({ ...core, ...pageTools, sessions, services: await administration() });
  });
  const devMail =
    production || config.smtpUrl !== undefined
      ? undefined
      : createDevMail({ folder: mailFolder(config.dataDir), publicUrl, production });
  const app = createApp({
    contracts,
    api,
    scim,
    limiter,
    cookieSigner: cookies.keys,
    logger,
    isUnavailable,
    devMail,
    console,
    pages: {
      ...core,
      ...pageTools,
      devMailUrl: devMail && '/dev/mail',
      interactions,
      backchannelAnswers: new BackchannelAnswers({
        live,
        requests: core.backchannelRequests,
        pings: stores.pings,
      }),
      sessions,
      upstream: {
        registry: core.upstreamRegistry,
        relyingParty: createLazyRelyingParty(core, fetch),
        accounts: core.upstreamAccounts,
      },
      signedOut: (ctx, accountId) =>
        audit.record({ type: 'logout', subject: accountId }, userActor(ctx, 'pages', accountId)),
    },
  });
  return config.http.fastPath ? contractsBefore(app.callback(), doors) : app.callback();
}
