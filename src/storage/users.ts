// raw-sql: hot paths: every token request reads its account and every change locks it; races for an address.
import type { Pool } from 'pg';
import { type CreationAttributes, Op, UniqueConstraintError } from 'sequelize';
import { DomainError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { assignmentsOf, recordOf, type RecordMapping, type RecordOf } from './models/define.ts';
import { User } from './models/user.ts';
import type { Executor } from './postgres/executor.ts';
import { type Tx, withoutNul } from './postgres/transaction.ts';

export type { MovedFrom, PostalAddress } from './models/user.ts';

const record = recordOf(User);
export type UserRecord = RecordOf<typeof record>;

/** For statements that read accounts along with other rows. */
export const userMapping: RecordMapping<User, UserRecord> = record;

/** An account with these values, and initial values for the rest. */
export const userOf: (values: Partial<UserRecord>) => UserRecord = record.of;

/** A nonexistent account, for constant-time work: what is done with it is undone. */
export const noUser: UserRecord = record.of({
  id: '00000000-0000-0000-0000-000000000000',
  number: 0,
  email: 'nobody@postern.invalid',
  createdAt: new Date(0),
  updatedAt: new Date(0),
});

/** Values of a new account; missing ones are empty. The keys decide uniqueness. */
export type NewUser = Omit<
  CreationAttributes<User>,
  'number' | 'status' | 'lastLoginAt' | 'deletedAt' | 'createdAt' | 'updatedAt'
>;

export type UserChanges = Partial<
  Omit<UserRecord, 'id' | 'number' | 'securityVersion' | 'createdAt' | 'updatedAt'>
>;

export interface Users {
  /**
   * @throws DomainError username_taken, email_taken. The unique indexes decide, so concurrent attempts create one account. An
   *   address that may still be restored to another account is taken, too.
   */
  create(user: NewUser, tx: Tx): Promise<UserRecord>;
  findById(id: string): Promise<UserRecord | null>;
  findByNumber(number: number): Promise<UserRecord | null>;
  findByUsernameKey(key: string): Promise<UserRecord | null>;
  findByEmailKey(key: string): Promise<UserRecord | null>;
  /** The account that is changing away from an address which counts until the new one is proven. */
  findMovedFrom(key: string): Promise<UserRecord | null>;
  /** The account, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<UserRecord | null>;
  /** The same for an account that its owner deleted and that is still kept. */
  lockDeleted(id: string, tx: Tx): Promise<UserRecord | null>;
  /** @returns the changed account, or null when there is none. @throws DomainError username_taken, email_taken. */
  update(id: string, changes: UserChanges, tx?: Tx): Promise<UserRecord | null>;
  /**
   * Ends unfinished work for the account, such as a login that waits for its second factor.
   * @returns its new security version.
   */
  advanceSecurity(id: string, tx: Tx): Promise<number>;
  /** Deletes the account and, by foreign keys, everything that belongs to it. @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
  /** Ids of some accounts whose deletion is due, oldest first. */
  listDue(now: Date, limit: number): Promise<string[]>;
  /** Ids of some accounts that their owners deleted before a moment, oldest deletions first. */
  listDeleted(before: Date, limit: number): Promise<string[]>;
  /** By creation, oldest first; `after` is the id of the last one seen. */
  list(options: { limit: number; after?: string }): Promise<UserRecord[]>;
  /** Active accounts with `role`, locked until the transaction ends. */
  lockWithRole(role: string, tx: Tx): Promise<UserRecord[]>;
  /** Ids of those that have the role, their own or by a group, and something to sign in with; locked likewise. */
  lockAble(role: string, tx: Tx): Promise<string[]>;
}

/** The database counts accounts with an integer. */
export const MAX_USER_NUMBER = 2_147_483_647;

/** Addresses that undo may still restore to an account other than $2. */
const RESERVED = `select from users where moved_from ->> 'emailKey' = $1 and moved_from is not null and id <> $2
  union all
  select from one_time_tokens join users on users.id = account_id
  where purpose = 'undo' and payload ->> 'emailKey' = $1 and account_id <> $2 and expires_at > now()
    and status <> 'deleted'
  limit 1`;

const ABLE = `select id from users
  where status = 'active' and (roles @> array[$1] or group_roles @> array[$1])
    and (password_hash is not null
      or exists (select from passkeys where account_id = users.id)
      or exists (select from upstream_identities where account_id = users.id))
  order by id for no key update`;

/** Runs after the write: another transaction that just left the address has committed by then, or is waited for. */
async function refuseReserved(emailKey: string, id: string, tx: Tx): Promise<void> {
  const { rows } = await tx.query(RESERVED, [emailKey, id]);
  if (rows.length > 0) throw new DomainError('email_taken', { field: 'email' });
}

function conflict(error: unknown): never {
  const cause = error instanceof UniqueConstraintError ? error.parent : error;
  const { code, constraint = '' } = cause as { code?: string; constraint?: string };
  if (code !== '23505') throw error;
  if (constraint === 'users_external_id') throw new DomainError('external_id_taken', { field: 'externalId' });
  const onUsername = constraint === 'users_username_key_key';
  throw new DomainError(onUsername ? 'username_taken' : 'email_taken', {
    field: onUsername ? 'username' : 'email',
  });
}

/** Accounts in PostgreSQL. Reads by key are prepared statements on `pool`: every token request makes one. */
export function createUsers(pool: Pool): Users {
  const one = (name: string, where: string) => async (value: string | number) => {
    const { rows } = await pool.query({
      name: `users_by_${name}`,
      text: `select ${record.columns} from users where ${where} = $1 and status <> 'deleted'`,
      values: [value],
    });
    return record.read(rows)[0] ?? null;
  };
  const locked = (name: string, status: string) => async (id: string, tx: Tx) => {
    if (!isUuid(id)) return null;
    const { rows } = await tx.query({
      name: `users_lock${name}`,
      text: `select ${record.columns} from users where id = $1 and status ${status} for update`,
      values: [id],
    });
    return record.read(rows)[0] ?? null;
  };
  const byId = one('id', 'id');
  const byNumber = one('number', 'number');
  return {
    async create(user, tx) {
      const created = await User.create(user, { transaction: tx }).catch(conflict);
      await refuseReserved(user.emailKey, user.id, tx);
      return record.from(created);
    },
    findById: async (id) => (isUuid(id) ? byId(id) : null),
    findByNumber: async (number) =>
      Number.isInteger(number) && number > 0 && number <= MAX_USER_NUMBER ? byNumber(number) : null,
    findByUsernameKey: one('username', 'username_key'),
    findByEmailKey: one('email', 'email_key'),
    findMovedFrom: one('moved_from', "moved_from is not null and moved_from ->> 'emailKey'"),
    lock: locked('', "<> 'deleted'"),
    lockDeleted: locked('_deleted', "= 'deleted'"),
    async update(id, changes, tx) {
      const { assignments, values } = assignmentsOf(User, { ...changes, updatedAt: new Date() });
      const text = `update users set ${assignments} where id = $${values.length + 1} returning ${record.columns}`;
      const executor: Executor = tx ?? pool;
      const { rows } = await executor.query<object>(text, [...values.map(withoutNul), id]).catch(conflict);
      if (tx && changes.emailKey !== undefined) await refuseReserved(changes.emailKey, id, tx);
      return record.read(rows)[0] ?? null;
    },
    async listDue(now, limit) {
      const users = await User.findAll({
        attributes: ['id'],
        where: { deletesAt: { [Op.lte]: now } },
        order: ['deletesAt'],
        limit,
      });
      return users.map(({ id }) => id);
    },
    async listDeleted(before, limit) {
      const users = await User.findAll({
        attributes: ['id'],
        where: { deletedAt: { [Op.lt]: before } },
        order: ['deletedAt'],
        limit,
      });
      return users.map(({ id }) => id);
    },
    async advanceSecurity(id, tx) {
      const { rows } = await tx.query<{ version: number }>(
        'update users set security_version = security_version + 1 where id = $1 returning security_version as version',
        [id],
      );
      return rows[0]?.version ?? 0;
    },
    delete: async (id, tx) => (await User.destroy({ where: { id }, transaction: tx })) > 0,
    async list({ limit, after }) {
      const last = after === undefined ? null : await byId(after);
      const users = await User.findAll({
        limit,
        order: ['createdAt', 'id'],
        where: {
          status: { [Op.ne]: 'deleted' },
          ...(last && {
            [Op.or]: [
              { createdAt: { [Op.gt]: last.createdAt } },
              { createdAt: last.createdAt, id: { [Op.gt]: last.id } },
            ],
          }),
        },
      });
      return users.map(record.from);
    },
    async lockWithRole(role, tx) {
      const users = await User.findAll({
        where: { status: 'active', roles: { [Op.contains]: [role] } },
        order: ['id'],
        transaction: tx,
        lock: tx.LOCK.UPDATE,
      });
      return users.map(record.from);
    },
    async lockAble(role, tx) {
      const { rows } = await tx.query<{ id: string }>(ABLE, [role]);
      return rows.map(({ id }) => id);
    },
  };
}
