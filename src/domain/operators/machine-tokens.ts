import { DomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { ApiKeyFilters, ApiKeyRecord, ApiKeyStore } from '../../storage/api-keys.ts';
import type { RegistrationTokenRecord } from '../../storage/registration-tokens.ts';
import type { Stores } from '../../storage/stores.ts';
import type { ApiKeyChanges, ApiKeys, NewApiKey } from '../api-keys.ts';
import type { RegistrationTokens } from '../registration-tokens.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';
import { mayGive, mayTouch } from './escalation.ts';
import { type Operator, requirePermission } from './operator.ts';
import type { Permission } from './permissions.ts';
import { type Rights, rolesOf } from './rights.ts';

/** API keys, as operators manage them. */
export interface ApiKeyAdmin {
  /** Newest first. @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<'created_at', ApiKeyFilters>): Promise<Listed<ApiKeyRecord>>;
  /** @throws DomainError insufficient_scope, api_key_not_found. */
  find(operator: Operator, id: string): Promise<ApiKeyRecord>;
  /**
   * Creates a key with no more permissions than its creator has: for a program, or for an account that the operator may change.
   * @throws DomainError insufficient_scope, permission_not_held, stronger_operator, and as `ApiKeys.create`.
   */
  create(operator: Operator, key: NewApiKey): Promise<{ key: string; record: ApiKeyRecord }>;
  /**
   * Changes the name, the permissions or the expiry; the key stays the same.
   * @throws DomainError as `create`; api_key_not_found.
   */
  update(operator: Operator, id: string, changes: ApiKeyChanges): Promise<ApiKeyRecord>;
  /** @throws DomainError insufficient_scope, api_key_not_found, stronger_operator. */
  revoke(operator: Operator, id: string): Promise<void>;
}

/** The permissions of a key, described for operators. */
const WEIGHT: Readonly<Record<string, readonly Permission[]>> = {
  'users:read': ['users:read'],
  // At the contracts it changes passwords and addresses, and deletes accounts.
  'users:write': ['users:write', 'users:credentials', 'users:delete'],
  // With a person's password it gets that person's access, and it can try passwords.
  'auth:login': ['users:read'],
};

export function createApiKeyAdmin({
  keys,
  store,
  users,
  rights,
  readList,
}: Pick<Stores, 'users'> & {
  keys: ApiKeys;
  store: Pick<ApiKeyStore, 'page' | 'find'>;
  rights: Pick<Rights, 'permissionsOf'>;
  readList: ReadList;
}): ApiKeyAdmin {
  const mayActFor = async (operator: Operator, accountId: string) => {
    const account = isUuid(accountId) ? await users.findById(accountId) : null;
    if (!account) throw new DomainError('user_not_found');
    mayTouch(operator, await rights.permissionsOf(rolesOf(account)));
  };
  const find = async (id: string) => {
    const key = isUuid(id) ? await store.find(id) : null;
    if (!key) throw new DomainError('api_key_not_found');
    return key;
  };
  const mayHold = (operator: Operator, permissions: readonly string[]) => {
    for (const permission of permissions) mayGive(operator, WEIGHT[permission] ?? []);
  };
  return {
    list(operator, options) {
      requirePermission(operator, 'api-keys:read');
      return readList('api-keys', options, '-created_at', (request) => store.page(request));
    },
    async find(operator, id) {
      requirePermission(operator, 'api-keys:read');
      return find(id);
    },
    async create(operator, key) {
      requirePermission(operator, 'api-keys:write');
      if (key.accountId === undefined) mayHold(operator, key.permissions ?? Object.keys(WEIGHT));
      else {
        // It acts as the account, so it can read everything of it.
        mayGive(operator, ['users:read']);
        await mayActFor(operator, key.accountId);
      }
      return keys.create(key, operator.actor);
    },
    async update(operator, id, changes) {
      requirePermission(operator, 'api-keys:write');
      const { accountId, permissions } = await find(id);
      // Require the key's current permissions as well: an operator who may change a key can also use it.
      if (accountId === null) mayHold(operator, [...permissions, ...(changes.permissions ?? [])]);
      else if (accountId !== operator.accountId) await mayActFor(operator, accountId);
      return keys.update(id, changes, operator.actor);
    },
    async revoke(operator, id) {
      requirePermission(operator, 'api-keys:write');
      const { accountId } = await find(id);
      if (accountId !== null && accountId !== operator.accountId) await mayActFor(operator, accountId);
      await keys.revoke(id, accountId, operator.actor);
    },
  };
}

/** Initial access tokens, as operators manage them. */
export interface RegistrationTokenAdmin {
  /** Valid ones, newest first. @throws DomainError insufficient_scope. */
  list(operator: Operator): Promise<RegistrationTokenRecord[]>;
  /** @throws DomainError insufficient_scope, not_found. */
  find(operator: Operator, id: string): Promise<RegistrationTokenRecord>;
  /** @throws DomainError insufficient_scope, invalid_request. */
  create(
    operator: Operator,
    token: { policy: string; expiresAt: Date },
  ): Promise<{ token: string; record: RegistrationTokenRecord }>;
  /** @throws DomainError insufficient_scope, not_found. */
  revoke(operator: Operator, id: string): Promise<void>;
}

export const createRegistrationTokenAdmin = (tokens: RegistrationTokens): RegistrationTokenAdmin => ({
  async list(operator) {
    requirePermission(operator, 'registration-tokens:read');
    return tokens.list();
  },
  async find(operator, id) {
    requirePermission(operator, 'registration-tokens:read');
    const found = (await tokens.list()).find((token) => token.id === id);
    if (!found) throw new DomainError('not_found');
    return found;
  },
  async create(operator, token) {
    requirePermission(operator, 'registration-tokens:write');
    return tokens.create(token, operator.actor);
  },
  async revoke(operator, id) {
    requirePermission(operator, 'registration-tokens:write');
    await tokens.revoke(id, operator.actor);
  },
});
