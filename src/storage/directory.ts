// raw-sql: lists by compiled filters; one statement for each kind of thing that belongs to a page.
import { DomainError } from '../core/errors.ts';
import { UniqueConstraintError } from 'sequelize';
import type { DirectoryRequest } from './directory-conditions.ts';
import { conditionOf, GROUP_ATTRIBUTES, orderOf, USER_ATTRIBUTES } from './directory-sql.ts';
import type { GroupRecord } from './groups.ts';
import type { Parameter, Positioned } from './listing.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { DirectoryEntry } from './models/origins.ts';
import { Group } from './models/roles.ts';
import { User } from './models/user.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';
import type { UserRecord } from './users.ts';

const entries = recordOf(DirectoryEntry, 'createdAt', 'updatedAt');
const users = recordOf(User);
const groups = recordOf(Group, 'nameKey');

export type EntryRecord = RecordOf<typeof entries>;

/** A page of a list with the total. */
export interface Found<T> {
  total: number;
  items: T[];
}

/** Membership of an account in a group, with the display name of the other side. */
export interface Membership {
  accountId: string;
  groupId: string;
  display: string;
}

/** Accounts and groups as SCIM shows them, in PostgreSQL. Deleted accounts are excluded. */
export interface Directory {
  /** Oldest first by default. */
  users(request: DirectoryRequest): Promise<Found<UserRecord>>;
  groups(request: DirectoryRequest): Promise<Found<GroupRecord>>;
  entriesOf(accountIds: readonly string[], tx?: Tx): Promise<EntryRecord[]>;
  /**
   * Writes a directory's attributes of an account that is locked in `tx`. @throws DomainError username_taken when
   * the directory has another account of this name.
   */
  saveEntry(entry: EntryRecord, tx: Tx): Promise<void>;
  /** The accounts that a directory may mean by a name: by its own attribute, else by username or address. */
  namedSo(userNameKey: string, emailKey: string | null): Promise<string[]>;
  /** Groups by account; `display` is the group's name. */
  groupsOf(accountIds: readonly string[]): Promise<Membership[]>;
  /** Members by group; `display` is the account's name. */
  membersOf(groupIds: readonly string[]): Promise<Membership[]>;
  /** Which of these ids are accounts. */
  existing(accountIds: readonly string[], tx: Tx): Promise<string[]>;
}

const NAMED = `select u.id from users u left join directory_entries e on e.account_id = u.id
  where u.id in (select account_id from directory_entries where user_name_key = $1
    union all select id from users where username_key = $1
    union all select id from users where email_key = $2)
  and u.status <> 'deleted'
  and (e.user_name_key = $1 or e.account_id is null
    and case when u.username is null then u.email_key = $2 else u.username_key = $1 end)`;

const FORGET_DELETED = `delete from directory_entries e using users u
  where u.id = e.account_id and u.status = 'deleted' and e.user_name_key = $1`;

interface Listing {
  from: string;
  columns: string;
  where: string;
  id: string;
  created: string;
  attributes: typeof USER_ATTRIBUTES;
}

const USERS: Listing = {
  from: 'users u left join directory_entries e on e.account_id = u.id',
  columns: users.columnsOf('u'),
  where: `u.status <> 'deleted'`,
  id: 'u.id',
  created: 'u.created_at',
  attributes: USER_ATTRIBUTES,
};
const GROUPS: Listing = {
  from: 'groups g',
  columns: groups.columnsOf('g'),
  where: 'true',
  id: 'g.id',
  created: 'g.created_at',
  attributes: GROUP_ATTRIBUTES,
};

/** Milliseconds to remember a position, and maximum of positions. */
const PLACE_TTL = 60_000;
const MAX_PLACES = 1_000;

/**
 * Positions where pages ended. A directory reads page after page by offset: the next page continues from there,
 * whatever was deleted meanwhile, and need not skip all earlier rows again.
 */
class Places {
  readonly #places = new Map<string, { position: [string, string]; until: number }>();

  find(list: string, offset: number): [string, string] | null {
    const place = this.#places.get(`${offset} ${list}`);
    return place && place.until > performance.now() ? place.position : null;
  }

  note(list: string, offset: number, position: [string, string]): void {
    this.#places.set(`${offset} ${list}`, { position, until: performance.now() + PLACE_TTL });
    const [oldest] = this.#places.keys();
    if (this.#places.size > MAX_PLACES && oldest !== undefined) this.#places.delete(oldest);
  }
}

/** Totals of at least this are cached briefly: counting a million rows takes longer than reading a page. */
const LARGE = 10_000;
/** Milliseconds. A directory that reads page after page causes one count. */
const TOTAL_TTL = 10_000;
const MAX_TOTALS = 100;

/** Counts by statement and values. */
class Totals {
  readonly #pool: Executor;
  readonly #large = new Map<string, { total: number; until: number }>();

  constructor(pool: Executor) {
    this.#pool = pool;
  }

  /** @returns the current number of rows. */
  async count(where: string, values: readonly unknown[]): Promise<number> {
    const statement = `select count(*)::int as total ${where}`;
    const { rows } = await this.#pool.query<{ total: number }>(statement, [...values]);
    return rows[0]?.total ?? 0;
  }

  /** The same; a large number may be cached. */
  async roughly(where: string, values: readonly unknown[]): Promise<number> {
    const key = JSON.stringify([where, values]);
    const now = performance.now();
    const known = this.#large.get(key);
    if (known && known.until > now) return known.total;
    this.#large.delete(key);
    const total = await this.count(where, values);
    if (total < LARGE) return total;
    this.#large.set(key, { total, until: now + TOTAL_TTL });
    const [oldest] = this.#large.keys();
    if (this.#large.size > MAX_TOTALS && oldest !== undefined) this.#large.delete(oldest);
    return total;
  }
}

interface Reading {
  pool: Executor;
  bounded: Executor;
  totals: Totals;
  places: Places;
}

async function find<Row extends object>(
  { pool, bounded, totals, places }: Reading,
  listing: Listing,
  { condition, sort, offset, limit }: DirectoryRequest,
): Promise<Found<Row>> {
  const values: unknown[] = [];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const filter = condition ? ` and ${conditionOf(listing.attributes, condition, parameter)}` : '';
  const where = `from ${listing.from} where ${listing.where}${filter}`;
  if (limit === 0) return { total: await totals.count(where, values), items: [] };
  const direction = sort?.descending ? 'desc' : 'asc';
  const order = sort
    ? `${orderOf(listing.attributes, sort.target)} ${direction} nulls last, ${listing.id} ${direction}`
    : `${listing.created}, ${listing.id}`;
  const matching = [...values];
  const list = JSON.stringify([where, values]);
  const place = sort || offset === 0 ? null : places.find(list, offset);
  const after = place
    ? `and (${listing.created}, ${listing.id}) > (${parameter(place[0])}::timestamptz, ${parameter(place[1])}::uuid)`
    : `order by ${order} offset ${parameter(offset)}`;
  const isQuick = !sort && (!condition || (condition.is === 'compare' && condition.comparator === 'eq'));
  // Not prepared: each filter has its own plan.
  const { rows: found } = await (isQuick ? pool : bounded).query<Row & Positioned>(
    `select ${listing.columns}, array[${listing.created}::text, ${listing.id}::text] as position ${where}
     ${after} ${place ? `order by ${order}` : ''} limit ${parameter(limit)}`,
    values,
  );
  const last = found.at(-1);
  if (last && !sort) places.note(list, offset + found.length, last.position);
  const items = found.map(({ position: _position, ...row }) => row as unknown as Row);
  const isLast = items.length < limit && (items.length > 0 || offset === 0);
  return { total: isLast ? offset + items.length : await totals.roughly(where, matching), items };
}

/** @param bounded runs statements that filters may make slow. */
export function createDirectory(pool: Executor, bounded: Executor = pool): Directory {
  const reading = { pool, bounded, totals: new Totals(bounded), places: new Places() };
  const memberships = async (where: string, ids: readonly string[]): Promise<Membership[]> => {
    if (ids.length === 0) return [];
    const { rows } = await pool.query<Membership>(where, [ids]);
    return rows;
  };
  return {
    async users(request) {
      const found = await find<object>(reading, USERS, request);
      return { ...found, items: users.read(found.items) };
    },
    async groups(request) {
      const found = await find<object>(reading, GROUPS, request);
      return { ...found, items: groups.read(found.items) };
    },
    async entriesOf(accountIds, tx) {
      if (accountIds.length === 0) return [];
      const found = await DirectoryEntry.findAll({
        where: { accountId: [...accountIds] },
        transaction: tx ?? null,
      });
      return found.map(entries.from);
    },
    async saveEntry(entry, tx) {
      try {
        // Names of deleted accounts are free.
        await tx.query(FORGET_DELETED, [entry.userNameKey]);
        const { accountId, ...content } = entry;
        const [changed] = await DirectoryEntry.update(content, { where: { accountId }, transaction: tx });
        if (changed === 0) await DirectoryEntry.create(entry, { transaction: tx });
      } catch (error) {
        if (error instanceof UniqueConstraintError)
          throw new DomainError('username_taken', { field: 'userName' });
        throw error;
      }
    },
    async namedSo(userNameKey, emailKey) {
      const { rows } = await pool.query<{ id: string }>(NAMED, [userNameKey, emailKey]);
      return rows.map(({ id }) => id);
    },
    groupsOf: (ids) =>
      memberships(
        `select account_id as "accountId", group_id as "groupId", name as display
         from group_members join groups on groups.id = group_id where account_id = any($1::uuid[]) order by name_key`,
        ids,
      ),
    membersOf: (ids) =>
      memberships(
        `select account_id as "accountId", group_id as "groupId", coalesce(name, email) as display
         from group_members join users on users.id = account_id
         where group_id = any($1::uuid[]) and status <> 'deleted' order by account_id`,
        ids,
      ),
    async existing(ids, tx) {
      const { rows } = await tx.query<{ id: string }>(
        `select id from users where id = any($1::uuid[]) and status <> 'deleted'`,
        [ids],
      );
      return rows.map(({ id }) => id);
    },
  };
}
