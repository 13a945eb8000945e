import type { Upstream } from '../config/index.ts';
import { type AccountImports, createAccountImports } from '../domain/imports/index.ts';
import { type AccountExports, createAccountExports } from '../domain/exports/index.ts';
import { allAccounts, allGroupNames } from '../storage/account-export.ts';
import type { Core } from './core.ts';

/** The issuer of a provider's subjects; undefined for an unknown provider. */
const issuerOf = (upstream: Upstream | undefined): string | undefined =>
  upstream?.endpoints ? new URL(upstream.endpoints.authorization).origin : upstream?.issuer;

/** Imports accounts from other services. */
export function openAccountImports(core: Core): AccountImports {
  const { imports, openStaging, users, inTransaction } = core.stores;
  return createAccountImports({
    imports,
    openStaging,
    users,
    inTransaction,
    secrets: core.secrets,
    attributes: core.attributes,
    hasher: core.hasher,
    clock: core.clock,
    sessions: core.sessionRevoker,
    hashes: core.foreignHashes,
    isPrivileged: async (role) => (await core.rights.weightOf([role])).size > 0,
    async loadIssuers() {
      await core.upstreamRegistry.load();
      return (id) => issuerOf(core.upstreamRegistry.find(id));
    },
  });
}

/** Exports accounts. */
export function openAccountExports(core: Core): AccountExports {
  const { roles, audit } = core.stores;
  return createAccountExports({
    allAccounts,
    allGroupNames,
    roles,
    audit,
    secrets: core.secrets,
    hashes: core.foreignHashes,
  });
}
