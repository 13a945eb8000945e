import type { Config } from '../config/index.ts';
import { createApiAdmin } from '../domain/apis.ts';
import { createClientAdmin } from '../domain/clients.ts';
import { createRegistrationTokens } from '../domain/registration-tokens.ts';
import { OIDC_SCOPES } from '../oidc/account.ts';
import { createClientValidator } from '../oidc/clients/validator.ts';
import type { LiveProvider } from '../oidc/live-provider.ts';
import { apis } from '../storage/apis.ts';
import { audit } from '../storage/audit.ts';
import type { Stores } from './stores.ts';

interface Dependencies {
  config: Config;
  stores: Stores;
  live: LiveProvider;
  /** What a change of a client needs, whoever makes it. */
  clientChanges: Omit<Parameters<typeof createClientAdmin>[0], 'secrets' | 'validate'>;
}

/** What operators manage besides accounts: clients, APIs, and who may register clients. Other nodes are told of changes. */
export function createAdmin({ config, stores, live, clientChanges }: Dependencies) {
  const { inTransaction, notifications } = stores;
  return {
    clients: createClientAdmin({
      ...clientChanges,
      secrets: stores.clientSecrets,
      validate: createClientValidator(live),
    }),
    apis: createApiAdmin({
      apis,
      audit,
      inTransaction,
      reservedScopes: OIDC_SCOPES,
      announce: (tx) => notifications.publish('apis', '', tx),
    }),
    registrationTokens: createRegistrationTokens({
      tokens: stores.registrationTokens,
      policies: Object.keys(config.clientRegistration.policies),
      audit,
      inTransaction,
    }),
  };
}
