import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import { DomainError } from '../../core/errors.ts';
import { isUuid, newUuid, randomToken, sha256 } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { ScimTokenRecord, ScimTokenStore } from '../../storage/scim-tokens.ts';
import type { Stores } from '../../storage/stores.ts';
import { parseName } from '../identifiers.ts';
import { type Operator, requirePermission } from '../operators/operator.ts';
import { type Permission, withIncluded } from '../operators/permissions.ts';
import type { Rights } from '../operators/rights.ts';

/** The permissions of a directory. They determine whom it may change. */
const PERMISSIONS: Permission[] = ['users:write', 'users:credentials', 'users:delete', 'groups:write'];

/** The directory behind a SCIM token. */
export const scimOperator = (actor: Actor): Operator => ({
  actor,
  accountId: null,
  permissions: withIncluded(PERMISSIONS),
});

/**
 * A directory must not grant or remove management permissions, not even its own: otherwise whoever controls the
 * directory could become an operator.
 * @throws DomainError permission_not_held, when `roles` allow anything here or at the contracts.
 */
export async function withoutManagement(
  rights: Pick<Rights, 'weightOf'>,
  roles: readonly string[],
): Promise<void> {
  const [permission] = await rights.weightOf(roles);
  if (permission !== undefined) throw new DomainError('permission_not_held', { reason: permission });
}

/** The source of accounts and groups that a directory created. */
export const SCIM_SOURCE = 'scim';

export type ScimToken = ScimTokenRecord;

export interface NewScimToken {
  name?: string | undefined;
  /** Null: valid until revoked. A directory that loses its token stops silently. */
  expiresAt?: Date | null | undefined;
}

/** The bearer tokens of directories (RFC 7644 section 2). */
export interface ScimTokens {
  /**
   * Creates a token. Two may be valid, for rotation: with a third, the least recently used ends in a day, which leaves time to
   * notice that it is still in use.
   * @returns the token, shown this once, its record, and the one that will end.
   * @throws DomainError insufficient_scope, invalid_request.
   */
  create(
    operator: Operator,
    token: NewScimToken,
  ): Promise<{ token: string; record: ScimToken; ending: ScimToken | null }>;
  /** Newest first. @throws DomainError insufficient_scope. */
  list(operator: Operator): Promise<ScimToken[]>;
  /** Ends a token at once, everywhere. @throws DomainError insufficient_scope, scim_token_not_found. */
  remove(operator: Operator, id: string): Promise<void>;
  /** The token's record; null for an unknown or expired token. Records the use. */
  authenticate(token: string): Promise<ScimToken | null>;
}

const TOKEN = /^scim_[\w-]{43}$/;
const DEFAULT_NAME = 'SCIM';
const MAX_TOKENS = 2;
/** Milliseconds that a token stays valid once there are two others. */
const GRACE = 86_400_000;
/** Milliseconds. */
const NOTE_EVERY = 10_000;

const lastUse = ({ lastUsedAt }: ScimToken): number => lastUsedAt?.getTime() ?? 0;

export function createScimTokens({
  store,
  audit,
  inTransaction,
  clock,
  logger,
}: Pick<Stores, 'audit' | 'inTransaction'> & {
  store: ScimTokenStore;
  clock: Clock;
  logger: Logger;
}): ScimTokens {
  const end = async ({ id, name }: ScimToken, { actor }: Operator, tx: Tx) => {
    await store.delete(id, tx);
    await audit.record({ type: 'scim_token.revoked', details: { id, name } }, actor, tx);
  };
  const letEnd = async ({ id, name }: ScimToken, expiresAt: Date, { actor }: Operator, tx: Tx) => {
    await store.letEnd(id, expiresAt, tx);
    await audit.record({ type: 'scim_token.replaced', details: { id, name, expiresAt } }, actor, tx);
  };
  const note = (token: ScimToken): void => {
    const now = clock.now();
    if (now - lastUse(token) < NOTE_EVERY) return;
    store
      .touch(token.id, new Date(now))
      .catch((error: unknown) => logger.warn({ err: error }, 'the use of a SCIM token was not noted'));
  };
  return {
    async create(operator, { name = DEFAULT_NAME, expiresAt = null }) {
      requirePermission(operator, 'scim:write');
      if (expiresAt && !(expiresAt.getTime() > clock.now()))
        throw new DomainError('invalid_request', {
          field: 'expires_at',
          reason: 'The expiry must be in the future',
        });
      const parsed = parseName('name', name);
      const token = `scim_${randomToken()}`;
      return inTransaction(async (tx) => {
        const soon = new Date(clock.now() + GRACE);
        const staying = (await store.lockAll(tx)).filter(({ expiresAt: at }) => at === null || at > soon);
        // The least recently used first; of those never used, the oldest.
        const order = staying.reverse().sort((a, b) => lastUse(a) - lastUse(b));
        const ending = order.slice(0, Math.max(0, order.length - MAX_TOKENS + 1));
        for (const one of ending) await letEnd(one, soon, operator, tx);
        const record = await store.create(
          { id: newUuid(), name: parsed, hash: sha256(token), expiresAt },
          tx,
        );
        const details = { id: record.id, name: record.name };
        await audit.record({ type: 'scim_token.created', details }, operator.actor, tx);
        return { token, record, ending: ending[0] ?? null };
      });
    },
    async list(operator) {
      requirePermission(operator, 'scim:write');
      return store.list();
    },
    async remove(operator, id) {
      requirePermission(operator, 'scim:write');
      await inTransaction(async (tx) => {
        const all = await store.lockAll(tx);
        const token = isUuid(id) && all.find((one) => one.id === id.toLowerCase());
        if (!token) throw new DomainError('scim_token_not_found');
        await end(token, operator, tx);
      });
    },
    async authenticate(token) {
      const record = TOKEN.test(token) ? await store.findByHash(sha256(token)) : null;
      if (record) note(record);
      return record;
    },
  };
}
