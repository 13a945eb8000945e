import { completeChanges, completeMetadata } from '../oidc/clients/implied.ts';
import { createApiAdmin } from '../domain/apis.ts';
import { createApplying } from '../domain/apply/index.ts';
import { createClientAdmin } from '../domain/clients.ts';
import { createPutBack } from '../domain/operators/put-back.ts';
import { createRegistrationTokenAdmin } from '../domain/operators/machine-tokens.ts';
import { createRegistrationTokens } from '../domain/registration-tokens.ts';
import { createUpstreamAdmin } from '../domain/upstream-admin.ts';
import { isBuiltInApi, OWN_API_SCOPES } from '../oidc/tokens/apis.ts';
import type { ClientValidator } from '../oidc/clients/validator.ts';
import { createKeyAdmin } from '../oidc/key-admin.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import { clientChanges } from './client-changes.ts';
import type { Core } from './core.ts';

/** Created with the first client to validate: most commands need no provider, and oidc-provider is slow to load. */
const openValidator = async (core: Core): Promise<ClientValidator> =>
  (await import('./client-validator.ts')).openClientValidator(core);

/**
 * What operators manage besides accounts: clients, APIs, identity providers and client registration. @param open
 * opens the client validator.
 */
export function createAdministration(
  core: Core,
  open: (core: Core) => Promise<ClientValidator> = openValidator,
) {
  const { config, stores } = core;
  const { audit, inTransaction, notifications } = stores;
  let validator: Promise<ClientValidator> | undefined;
  const registrationTokens = createRegistrationTokens({
    tokens: stores.registrationTokens,
    policies: Object.keys(config.clientRegistration.policies),
    clock: core.clock,
    audit,
    inTransaction,
  });
  const managed = {
    clients: createClientAdmin({
      ...clientChanges(core),
      secrets: stores.clientSecrets,
      consents: stores.consents,
      groups: stores.groups,
      readList: core.readList,
      rights: core.rights,
      roles: core.roles,
      complete: { whole: completeMetadata, changes: completeChanges },
      validate: async (metadata, changed) => (await (validator ??= open(core)))(metadata, changed),
    }),
    apis: createApiAdmin({
      apis: stores.apis,
      readList: core.readList,
      audit,
      inTransaction,
      builtIn: {
        isApi: (identifier) => isBuiltInApi(identifier, config.publicUrl),
        apiScopes: OWN_API_SCOPES,
      },
      attributes: core.attributes,
      announce: (tx: Tx) => notifications.publish('apis', '', tx),
    }),
    upstreams: createUpstreamAdmin({
      upstreams: stores.upstreams,
      configured: config.upstreams,
      rights: core.rights,
      readList: core.readList,
      probe: async (upstream) => {
        const [{ createLazyRelyingParty }, { createOutboundFetch }] = await Promise.all([
          import('./relying-party.ts'),
          import('../oidc/outbound/fetch.ts'),
        ]);
        await createLazyRelyingParty(core, createOutboundFetch(config.outbound)).probe(upstream);
      },
      audit,
      inTransaction,
      announce: (tx: Tx) => notifications.publish('upstreams', '', tx),
    }),
    registrationTokens,
    registrationTokenAdmin: createRegistrationTokenAdmin(registrationTokens),
    keys: createKeyAdmin(core.keyRing),
  };
  return {
    ...managed,
    putBack: createPutBack({ ...core, ...managed, auditSearch: stores.auditSearch }),
    /** Applies a configuration file. */
    applying: createApplying({
      services: { ...core, ...managed },
      owned: stores.ownedResources,
      asOne: stores.asOne,
      inTransaction,
      key: core.secrets.keyObject('applied-secrets'),
    }),
  };
}

export type Administration = ReturnType<typeof createAdministration>;
