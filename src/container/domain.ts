import { createAccountData, createFindOrigins, createHistory, createOverview } from '../domain/history.ts';
import { createAttributes } from '../domain/attributes/index.ts';
import { createAuditRetention } from '../domain/audit-retention.ts';
import { createApiKeys } from '../domain/api-keys.ts';
import { createClientUse } from '../domain/client-use.ts';
import { createContractUsage } from '../domain/contract-usage.ts';
import { createImpersonation } from '../domain/impersonation.ts';
import { createGuessLimit, createLockout } from '../domain/lockout.ts';
import { createMailLimit, createOutgoingMail } from '../domain/outgoing-mail.ts';
import { createBackchannelRequests } from '../domain/backchannel-requests.ts';
import { createOnce } from '../domain/idempotency.ts';
import { createBranding } from '../domain/operators/branding.ts';
import { createSearch } from '../domain/operators/search.ts';
import { createOperatorSettings } from '../domain/operators/settings.ts';
import { createContractDoors } from '../domain/contract-doors.ts';
import { createLogin } from '../domain/login.ts';
import { createLoginSteps } from '../domain/login-steps.ts';
import { createApiKeyAdmin } from '../domain/operators/machine-tokens.ts';
import { createAccess } from '../domain/operators/account-access.ts';
import { createManagedAccounts } from '../domain/operators/accounts.ts';
import { createOperators } from '../domain/operators/index.ts';
import { createMfa } from '../domain/mfa/index.ts';
import { createNotices } from '../domain/notices.ts';
import { createOwnership } from '../domain/ownership/index.ts';
import { createPasswordCheck } from '../domain/passwords/check.ts';
import { createPasswordPolicy } from '../domain/passwords/policy.ts';
import { createRefusals } from '../domain/refusals.ts';
import { createRegistration } from '../domain/registration.ts';
import { createPasswordReset } from '../domain/reset.ts';
import { createScimTokens } from '../domain/scim/tokens.ts';
import type { SessionRevoker } from '../domain/session-revoker.ts';
import { createSignInLinks } from '../domain/sign-in-links.ts';
import { createAccountSessions } from '../domain/sessions.ts';
import { createUndo } from '../domain/undo/index.ts';
import { createUpstreamAccounts } from '../domain/upstream.ts';
import { createAccounts } from '../domain/users/index.ts';
import { createVerification } from '../domain/verification/index.ts';
import type { RenderMessage } from '../mail/index.ts';
import { createCursors } from '../core/cursors.ts';
import { createAddressRule, mayCall } from '../oidc/outbound/addresses.ts';
import { belongings } from '../storage/belongings.ts';
import { lockFirstAdmin } from '../storage/first-admin-lock.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import { type LegacyParts, openLegacyAccounts, openMigration, openOldTokens } from './legacy.ts';

/** Builds the domain services on the stores, independent of any transport. */
export function createDomain(
  dependencies: LegacyParts & {
    /** Told of the outcome of every login. */
    onLogin: ((outcome: string) => void) | undefined;
    /** The display name of an identity provider. */
    upstreamName(id: string): string | undefined;
  },
) {
  const { config, stores, hasher, secrets, clock, logger, onLogin, upstreamName } = dependencies;
  const {
    audit,
    users,
    signIns,
    counters,
    factors,
    outbox,
    oneTimeTokens,
    revocation,
    consents,
    unanswered,
    inTransaction,
  } = stores;
  const lockout = createLockout({ counters, signIns, clock, settings: config.lockout });
  const passwordCheck = createPasswordCheck({ hasher, lockout, signIns });
  const policy = createPasswordPolicy(config.passwords);
  const oldTokens = openOldTokens({
    ...dependencies,
    bringOver: (source, shown) => legacy.bringOver(source, shown),
  });
  const sessions: SessionRevoker = {
    async revokeAll(accountId: string, tx: Tx) {
      await revocation.endAccount(accountId, tx);
      await factors.trustedDevices.deleteAll(accountId, tx);
      await stores.apiKeys.deleteOf(accountId, tx);
      await oldTokens.end(accountId, tx);
    },
    async rolesChanged(accountIds, moved, tx) {
      if (!moved.has('admin')) return revocation.endContractGrants(accountIds, tx);
      for (const id of accountIds) await sessions.revokeAll(id, tx);
    },
  };
  const outgoingMail = createOutgoingMail({ outbox, counters, clock });
  const notices = createNotices({ outgoingMail, clock });
  const limit = createMailLimit(counters);
  const guessLimit = createGuessLimit(counters);
  const tokens = oneTimeTokens;
  const ownership = createOwnership({
    users,
    tokens,
    belongings,
    sessions,
    lockout,
    notices,
    audit,
    clock,
  });
  const messaging = {
    users,
    outgoingMail,
    notices,
    audit,
    inTransaction,
    limit,
    clock,
    policy,
    hasher,
    ...ownership,
  };
  const verification = createVerification({ ...messaging, tokens, unanswered, passwordCheck });
  const attributes = createAttributes({
    configured: config.attributes,
    store: stores.attributeSchemas,
    apis: stores.apis,
    clients: stores.clients,
    audit,
    inTransaction,
    announce: (tx: Tx) => stores.notifications.publish('attributes', '', tx),
  });
  const branding = createBranding({
    config,
    store: stores.branding,
    clients: stores.clients,
    audit,
    inTransaction,
    announce: (tx: Tx) => stores.notifications.publish('branding', '', tx),
  });
  let renderMail: RenderMessage | undefined;
  const operators = createOperators({
    stores,
    cursors: createCursors(secrets),
    sessions,
    outgoingMail,
    clock,
    languages: config.languages,
    mayCall: mayCall(createAddressRule(config.outbound.allow)),
    // Created with the first message: most commands render none.
    async renderMail(message, texts) {
      const { createBrandedRenderer } = await import('../mail/index.ts');
      renderMail ??= createBrandedRenderer(config, branding);
      return renderMail(message, texts);
    },
  });
  const legacy = openLegacyAccounts({ ...dependencies, sessions, attributes, rights: operators.rights });
  const accounts = createAccounts({
    checkRoles: operators.roles.checkNames,
    legacy,
    attributes,
    ...ownership,
    users,
    identities: stores.identities,
    audit,
    inTransaction,
    hasher,
    policy,
    passwordCheck,
    sessions,
    lockout,
    notices,
    verification,
    unanswered,
    clock,
    registration: config.registration,
    lockFirstAdmin,
  });
  const mfa = createMfa({
    users,
    ...factors,
    audit,
    inTransaction,
    unanswered,
    lockout,
    counters,
    secrets,
    hasher,
    clock,
    notices,
    settings: config.mfa,
    serviceName: () => branding.look(config.languages[0] ?? 'en').name,
    publicUrl: config.publicUrl,
  });
  const loginSteps = createLoginSteps({ users, usedSteps: stores.usedSteps, inTransaction, secrets, clock });
  const accountSessions = createAccountSessions({
    users,
    sessions: stores.sessions,
    deviceSignIns: stores.deviceSignIns,
    grants: stores.grants,
    consents,
    actingAgents: stores.actingAgents,
    revocation,
    apiKeys: stores.apiKeys,
    trustedDevices: factors.trustedDevices,
    audit,
    inTransaction,
  });
  const apiKeys = createApiKeys({ store: stores.apiKeys, users, audit, inTransaction, clock, logger });
  const scimTokens = createScimTokens({ store: stores.scimTokens, audit, inTransaction, clock, logger });
  const history = createHistory(audit);
  const findOrigins = createFindOrigins(stores.imports);
  const logins = createLogin({
    users,
    signIns,
    audit,
    inTransaction,
    passwordCheck,
    mfa,
    notices,
    steps: loginSteps,
    clock,
    legacy,
    hasher,
    onLogin,
  });
  const upstreamAccounts = createUpstreamAccounts({
    users,
    identities: stores.identities,
    factors: factors.factors,
    audit,
    inTransaction,
    notices,
    verification,
    logins,
    steps: loginSteps,
    policy,
    hasher,
    clock,
    registration: config.registration,
    nameOf: upstreamName,
  });
  const reset = createPasswordReset({ ...messaging, legacy, tokens, unanswered, signIns, sessions });
  const accountData = createAccountData({
    accounts,
    mfa,
    accountSessions,
    upstreamAccounts,
    apiKeys,
    history,
    findOrigins,
    directory: stores.directory,
    refusals: stores.refusals,
  });
  const impersonation = createImpersonation({
    store: stores.impersonations,
    users,
    rights: operators.rights,
    revocation,
    notices,
    audit,
    inTransaction,
    clock,
    config,
  });
  const managed = { ...operators, accounts, users, audit, asOne: stores.asOne };
  const managedAccounts = createManagedAccounts({ ...managed, lockout, reset, verification, clock });
  return {
    ...operators,
    attributes,
    managedAccounts,
    impersonation,
    access: createAccess({
      ...managed,
      mfa,
      accountSessions,
      store: stores.sessions,
      identities: upstreamAccounts,
      history,
      accountData,
    }),
    accounts,
    mfa,
    verification,
    notices,
    outgoingMail,
    lockout,
    passwordCheck,
    /** Ends all sessions, grants and tokens of an account. */
    sessionRevoker: sessions,
    legacy,
    oldTokens,
    migration: openMigration({ ...dependencies, legacy }),
    logins,
    loginSteps,
    upstreamAccounts,
    registration: createRegistration({
      ...messaging,
      legacy,
      accounts,
      attributes,
      unanswered,
      secrets,
      steps: loginSteps,
      settings: config.registration,
    }),
    reset,
    undo: createUndo({ ...messaging, tokens, unanswered, sessions }),
    signInLinks: createSignInLinks({ ...messaging, tokens, lockout, logins, steps: loginSteps }),
    accountSessions,
    auditRetention: createAuditRetention({ audit, inTransaction, clock, settings: config.audit }),
    history,
    findOrigins,
    accountData,
    overviewOf: createOverview(stores.readOverview),
    guessLimit,
    once: createOnce({ requests: stores.idempotentRequests, secrets, asOne: stores.asOne }),
    asOne: stores.asOne,
    backchannelRequests: createBackchannelRequests({
      requests: stores.cibaRequests,
      users,
      notices,
      audit,
      inTransaction,
      guessLimit,
      mailLimit: limit,
      limits: config.loginRequests,
    }),
    apiKeys,
    scimTokens,
    apiKeyAdmin: createApiKeyAdmin({
      keys: apiKeys,
      store: stores.apiKeys,
      users,
      rights: operators.rights,
      readList: operators.readList,
    }),
    refusals: createRefusals({ ...stores, store: stores.refusals, clock, logger }),
    search: createSearch({ ...operators, findByText: stores.findByText }),
    branding,
    settings: createOperatorSettings({
      config,
      store: stores.runtimeSettings,
      audit,
      inTransaction,
      announce: (tx: Tx) => stores.notifications.publish('settings', '', tx),
    }),
    contractDoors: createContractDoors({
      store: stores.contractStates,
      settings: config.contracts,
      catalogue: async () => {
        const { contractCatalogue } = await import('../http/contracts/catalogue.ts');
        return contractCatalogue(config.contracts, config.publicUrl);
      },
      audit,
      inTransaction,
      announce: (tx: Tx) => stores.notifications.publish('contracts', '', tx),
    }),
    clientUse: createClientUse({ ...stores, clock, logger }),
    usage: createContractUsage({ store: stores.contractUsage, clock, logger }),
  };
}

export type Domain = ReturnType<typeof createDomain>;
