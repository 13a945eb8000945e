import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { isUuid, newUuid, randomToken, sha256 } from '../core/ids.ts';
import type { Logger } from '../core/logger.ts';
import type { ApiKeyRecord, ApiKeyStore } from '../storage/api-keys.ts';
import type { Stores } from '../storage/stores.ts';
import { parseName } from './identifiers.ts';
import { changesOf } from './operators/operator.ts';
import { requireOwner } from './ownership/address.ts';
import { present } from './users/user.ts';

export type ApiKey = ApiKeyRecord;

/** Scopes of a program's key, which has authority over every account. */
export const PROGRAM_PERMISSIONS: readonly string[] = ['users:read', 'users:write', 'auth:login'];

/** Scopes of an account's key, which acts for that account alone. */
export const ACCOUNT_PERMISSIONS: readonly string[] = ['profile:read', 'api-keys:read'];

export interface NewApiKey {
  name: string;
  /** Every possible scope by default. */
  permissions?: string[] | undefined;
  /** The owner; a key without one is a program's, made by the operator. */
  accountId?: string | undefined;
  expiresAt?: Date | null | undefined;
}

/** The mutable fields of a key. Null removes the expiry. */
export interface ApiKeyChanges {
  name?: string | undefined;
  permissions?: string[] | undefined;
  expiresAt?: Date | null | undefined;
}

export interface ApiKeys {
  /**
   * @returns the key, shown this once, and its record.
   * @throws DomainError invalid_request; user_not_found, email_unverified while the account's owner is unproven.
   */
  create(key: NewApiKey, actor: Actor): Promise<{ key: string; record: ApiKey }>;
  /** Updates the given fields. @throws DomainError invalid_request, api_key_not_found. */
  update(id: string, changes: ApiKeyChanges, actor: Actor): Promise<ApiKey>;
  /** The key's record; null for an unknown or expired key. Records the use, to the minute. */
  authenticate(key: string): Promise<ApiKey | null>;
  /** Every key, or those of an account; newest first. */
  list(accountId?: string): Promise<ApiKey[]>;
  /**
   * Ends a key at once, everywhere.
   * @param accountId restricts it to keys of this account; null for any.
   * @throws DomainError api_key_not_found.
   */
  revoke(id: string, accountId: string | null, actor: Actor): Promise<void>;
}

const KEY = /^ptn_[\w-]{51}$/;
const PREFIX_LENGTH = 12;
/** Shortest interval between two updates of the last use, in milliseconds. */
const NOTE_EVERY = 60_000;

const permissionsFor = (accountId: string | undefined): readonly string[] =>
  accountId === undefined ? PROGRAM_PERMISSIONS : ACCOUNT_PERMISSIONS;

const wrong = (field: string, reason: string) => new DomainError('invalid_request', { field, reason });

/** API keys: random, shown once, stored by hash, with a readable prefix. */
export function createApiKeys({
  store,
  users,
  audit,
  inTransaction,
  clock,
  logger,
}: Pick<Stores, 'users' | 'audit' | 'inTransaction'> & {
  store: ApiKeyStore;
  clock: Clock;
  logger: Logger;
}): ApiKeys {
  const check = ({ permissions = [], accountId, expiresAt }: NewApiKey): void => {
    const possible = permissionsFor(accountId);
    if (permissions.some((permission) => !possible.includes(permission)))
      throw wrong('permissions', `The permissions are ${possible.join(', ')}`);
    if (expiresAt && !(expiresAt.getTime() > clock.now()))
      throw wrong('expires_at', 'The expiry must be in the future');
  };
  const note = (record: ApiKey): void => {
    const now = clock.now();
    if (record.lastUsedAt && now - record.lastUsedAt.getTime() < NOTE_EVERY) return;
    store
      .touch(record.id, new Date(now))
      .catch((error: unknown) => logger.warn({ err: error }, 'the use of an API key was not noted'));
  };
  return {
    async create(options, actor) {
      check(options);
      const name = parseName('name', options.name);
      const key = `ptn_${randomToken(6)}${randomToken(32)}`;
      const record = await inTransaction(async (tx) => {
        if (options.accountId !== undefined) requireOwner(present(await users.lock(options.accountId, tx)));
        const created = await store.create(
          {
            id: newUuid(),
            prefix: key.slice(0, PREFIX_LENGTH),
            hash: sha256(key),
            name,
            permissions: [...new Set(options.permissions ?? permissionsFor(options.accountId))],
            accountId: options.accountId ?? null,
            expiresAt: options.expiresAt ?? null,
          },
          tx,
        );
        await audit.record(
          {
            type: 'api_key.created',
            subject: created.accountId,
            details: {
              id: created.id,
              name: created.name,
              after: { permissions: created.permissions, expires_at: created.expiresAt },
            },
          },
          actor,
          tx,
        );
        return created;
      });
      return { key, record };
    },
    async update(id, { name, permissions, expiresAt }, actor) {
      return inTransaction(async (tx) => {
        const before = isUuid(id) ? await store.lock(id, tx) : null;
        if (!before) throw new DomainError('api_key_not_found');
        const { accountId } = before;
        check({ name: '', permissions, expiresAt, accountId: accountId ?? undefined });
        const changed = changesOf<ApiKeyChanges>(before, {
          ...(name === undefined ? {} : { name: parseName('name', name) }),
          ...(permissions === undefined ? {} : { permissions: [...new Set(permissions)] }),
          ...(expiresAt === undefined ? {} : { expiresAt }),
        });
        if (!changed) return before;
        const after = await store.update(id, changed.after, tx);
        const told = ({ expiresAt: end, ...rest }: ApiKeyChanges) => ({
          ...rest,
          ...(end === undefined ? {} : { expires_at: end }),
        });
        const details = { id, name: after.name, before: told(changed.before), after: told(changed.after) };
        await audit.record({ type: 'api_key.updated', subject: accountId, details }, actor, tx);
        return after;
      });
    },
    async authenticate(key) {
      const record = KEY.test(key) ? await store.findByHash(sha256(key), clock.now()) : null;
      if (record) note(record);
      return record;
    },
    list: (accountId) => store.list(accountId),
    revoke: (id, accountId, actor) =>
      inTransaction(async (tx) => {
        const key = isUuid(id) ? await store.delete(id, accountId, tx) : null;
        if (!key) throw new DomainError('api_key_not_found');
        const details = { id: key.id, name: key.name };
        await audit.record({ type: 'api_key.revoked', subject: key.accountId, details }, actor, tx);
      }),
  };
}
