import type { Provider } from 'oidc-provider';
import { type Rights, rolesOf } from '../../domain/operators/rights.ts';
import { isPermission } from '../../domain/operators/permissions.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import {
  type AuthorizationClaimsOf,
  type AuthorizationClaimValues,
  mapped,
  wantedClaims,
} from '../clients/claim-mappings.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { type Override, shape } from '../overrides/override.ts';
import type { ApiRegistry, KnownApi } from './apis.ts';
import { type Client, offeredScopes } from './requested-scopes.ts';

/** The permissions and claims of a person's current roles and groups. */
export interface Authorization {
  /**
   * The scopes of an API that a client may have for a person: what the API offers the client; for our own API, and for one that
   * enforces roles, only what the person's roles allow.
   */
  scopesFor(api: KnownApi, client: Client, user: UserRecord): Promise<string[]>;
  /** The claims by their own names. No `permissions` for our own API: apps must not learn about management rights. */
  claimsOf: AuthorizationClaimsOf;
}

export function createAuthorization({
  rights,
  groups,
  apis,
}: Pick<Stores, 'groups'> & {
  rights: Pick<Rights, 'permissionsOf' | 'scopesOf'>;
  apis: Pick<ApiRegistry, 'find'>;
}): Authorization {
  async function permissionsOf(
    user: UserRecord,
    identifier: string | undefined,
  ): Promise<string[] | undefined> {
    const api = identifier === undefined ? undefined : apis.find(identifier);
    if (!api || api.isOwn) return undefined;
    const allowed = await rights.scopesOf(rolesOf(user), api.identifier);
    return api.scopes.filter((scope) => allowed.has(scope));
  }
  return {
    async scopesFor(api, client, user) {
      const offered = offeredScopes(api, client);
      if (api.isOwn) {
        if (!offered.some(isPermission)) return offered;
        const held = await rights.permissionsOf(user.status === 'active' ? rolesOf(user) : []);
        return offered.filter((scope) => !isPermission(scope) || held.has(scope));
      }
      if (!api.enforceRoles) return offered;
      const allowed = await rights.scopesOf(rolesOf(user), api.identifier);
      return offered.filter((scope) => allowed.has(scope));
    },
    async claimsOf(user, wanted, api) {
      const values: AuthorizationClaimValues = {};
      if (wanted.includes('roles')) values.roles = rolesOf(user);
      if (wanted.includes('groups')) values.groups = await groups.namesOf(user.id);
      const permissions = wanted.includes('permissions') ? await permissionsOf(user, api) : undefined;
      if (permissions) values.permissions = permissions;
      return values;
    },
  };
}

interface Claims {
  available: object;
  client: ExtraClientProperties;
  filter: Record<string, unknown>;
  result(): Promise<Record<string, unknown>>;
}

/** ID tokens and userinfo have the claims that a client always gets, under the names that it uses. */
function installClaimMappings(provider: Provider): void {
  const { prototype } = provider.Claims as unknown as { prototype: Claims };
  const { result } = prototype;
  prototype.result = async function mappedResult() {
    const { claim_mappings: mappings } = this.client;
    if (!mappings) return result.call(this);
    for (const claim of wantedClaims(new Set(), mappings)) this.filter[claim] ??= null;
    const { roles, groups, permissions, ...others } = await result.call(this);
    const values = Object.entries({ roles, groups, permissions }).filter(([, value]) => value !== undefined);
    return { ...others, ...mapped(Object.fromEntries(values) as AuthorizationClaimValues, mappings) };
  };
}

export const claimMappings: Override<object> = {
  name: 'claim-mappings',
  why: 'the library releases a claim only by a scope, and under one name',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Claims.prototype.result', 'Claims.prototype.mask'),
  install: installClaimMappings,
};
