// raw-sql: one statement decides which members are new, and lists are conditions for `listing.ts`.
import type { Pool } from 'pg';
import { UniqueConstraintError } from 'sequelize';
import { DomainError } from '../core/errors.ts';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { Group } from './models/roles.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(Group, 'nameKey');
export type GroupRecord = RecordOf<typeof record>;

type GroupContent = Pick<GroupRecord, 'name' | 'description' | 'roles' | 'source' | 'externalId'> & {
  nameKey: string;
};

export interface GroupFilters {
  /** A substring of the name, case-insensitive. */
  search?: string | undefined;
  role?: string | undefined;
  source?: string | undefined;
  /** The groups of an account. */
  member?: string | undefined;
}

export type GroupSort = 'name' | 'created_at';

export interface Member {
  id: string;
  email: string;
  name: string | null;
}

export interface Groups {
  list(request: PageRequest<GroupSort, GroupFilters>): Promise<Page<GroupRecord>>;
  find(id: string, tx?: Tx): Promise<GroupRecord | null>;
  /** The group, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<GroupRecord | null>;
  /** @throws DomainError group_taken. */
  create(group: GroupContent & Pick<GroupRecord, 'id'>, tx: Tx): Promise<GroupRecord>;
  /** @throws DomainError group_taken. */
  update(id: string, changes: Partial<GroupContent>, tx: Tx): Promise<GroupRecord>;
  delete(id: string, tx: Tx): Promise<void>;
  /** Members, by id. */
  members(id: string, request: Pick<PageRequest<'id', object>, 'limit' | 'after'>): Promise<Page<Member>>;
  /** The ids of all members. */
  memberIds(id: string, tx: Tx): Promise<string[]>;
  /** Names of the account's groups. */
  namesOf(accountId: string): Promise<string[]>;
  /** Which of these names no group has. */
  unknown(names: readonly string[], tx: Tx): Promise<string[]>;
  /** Ids of the account's groups. */
  idsOf(accountId: string, tx: Tx): Promise<string[]>;
  /** @returns the accounts that became members. Unknown ids are ignored. */
  add(id: string, accountIds: readonly string[], tx: Tx): Promise<string[]>;
  /** @returns those that were members. */
  remove(id: string, accountIds: readonly string[], tx: Tx): Promise<string[]>;
}

const LIST: Listing<GroupSort, GroupFilters> = {
  from: 'groups',
  columns: record.columns,
  sorts: {
    name: { by: 'name_key', type: 'text' },
    created_at: { by: 'created_at', type: 'timestamptz' },
  },
  id: { by: 'id', type: 'uuid' },
  filters: {
    search: (value, parameter) => `strpos(name_key, ${parameter(value)}) > 0`,
    role: (value, parameter) => `roles @> array[${parameter(value)}]`,
    source: (value, parameter) => `source = ${parameter(value)}`,
    member: (value, parameter) =>
      `id in (select group_id from group_members where account_id = ${parameter(value)})`,
  },
};

const MEMBERS: Listing<'id', { group: string }> = {
  from: 'group_members join users on users.id = account_id',
  columns: 'users.id, users.email, users.name',
  sorts: { id: { by: 'account_id', type: 'uuid' } },
  id: { by: 'account_id', type: 'uuid' },
  filters: { group: (value, parameter) => `group_id = ${parameter(value)} and users.status <> 'deleted'` },
};

const NAMES = {
  name: 'groups_names_of_account',
  text: `select name from group_members join groups on groups.id = group_id where account_id = $1 order by name_key`,
};

const ADD = `insert into group_members (group_id, account_id)
  select $1, users.id from users where id = any($2::uuid[]) and status <> 'deleted' order by id
  on conflict do nothing returning account_id as id`;

const REMOVE = `delete from group_members where group_id = $1 and account_id = any($2::uuid[])
  returning account_id as id`;

function conflict(error: unknown): never {
  if (error instanceof UniqueConstraintError)
    throw Object.keys(error.fields).includes('external_id')
      ? new DomainError('external_id_taken', { field: 'externalId' })
      : new DomainError('group_taken', { field: 'name' });
  throw error;
}

export function createGroups(pool: Pool): Groups {
  const ids = async (tx: Tx, statement: string, values: unknown[]) =>
    (await tx.query<{ id: string }>(statement, values)).rows.map(({ id }) => id);
  /** Members are part of the group: a change raises its version. */
  const move = async (tx: Tx, statement: string, id: string, accountIds: readonly string[]) => {
    const moved = await ids(tx, statement, [id, accountIds]);
    if (moved.length > 0) await tx.query('update groups set updated_at = now() where id = $1', [id]);
    return moved;
  };
  return {
    async list(request) {
      const page = await pageOf(pool, LIST, request);
      return { ...page, items: record.read(page.items) };
    },
    async find(id, tx) {
      const group = await Group.findByPk(id, { transaction: tx ?? null });
      return group && record.from(group);
    },
    async unknown(names, tx) {
      if (names.length === 0) return [];
      const known = await Group.findAll({
        where: { name: [...names] },
        attributes: ['name'],
        transaction: tx,
      });
      const found = new Set(known.map(({ name }) => name));
      return names.filter((name) => !found.has(name));
    },
    async lock(id, tx) {
      const group = await Group.findByPk(id, { transaction: tx, lock: tx.LOCK.UPDATE });
      return group && record.from(group);
    },
    create: async (group, tx) => record.from(await Group.create(group, { transaction: tx }).catch(conflict)),
    async update(id, changes, tx) {
      const [, [group]] = await Group.update(changes, {
        where: { id },
        returning: true,
        transaction: tx,
      }).catch(conflict);
      return record.from(group!);
    },
    async delete(id, tx) {
      await Group.destroy({ where: { id }, transaction: tx });
    },
    members: (group, request) =>
      pageOf<'id', { group: string }, Member>(pool, MEMBERS, {
        ...request,
        filters: { group },
        sort: 'id',
        descending: false,
      }),
    async namesOf(accountId) {
      const { rows } = await pool.query<{ name: string }>({ ...NAMES, values: [accountId] });
      return rows.map(({ name }) => name);
    },
    memberIds: (id, tx) => ids(tx, 'select account_id as id from group_members where group_id = $1', [id]),
    idsOf: (accountId, tx) =>
      ids(tx, 'select group_id as id from group_members where account_id = $1', [accountId]),
    add: (id, accountIds, tx) => move(tx, ADD, id, accountIds),
    remove: (id, accountIds, tx) => move(tx, REMOVE, id, accountIds),
  };
}
