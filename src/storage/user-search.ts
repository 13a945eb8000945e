// raw-sql: the conditions of a list for `listing.ts`.
import type { Pool } from 'pg';
import { isUuid } from '../core/ids.ts';
import { countOf, type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { recordOf } from './models/define.ts';
import { User } from './models/user.ts';
import { MAX_USER_NUMBER, type UserRecord } from './users.ts';

const FACTORS = {
  totp: 'exists (select from totp_authenticators where account_id = users.id and expires_at is null)',
  passkey: 'exists (select from passkeys where account_id = users.id)',
  recovery_codes: 'exists (select from recovery_codes where account_id = users.id)',
  none: `not exists (select from totp_authenticators where account_id = users.id and expires_at is null)
    and not exists (select from passkeys where account_id = users.id)`,
} as const;

export type FactorFilter = keyof typeof FACTORS;
export const FACTOR_FILTERS = Object.keys(FACTORS) as FactorFilter[];

/** Conditions on accounts, all of which must hold; of several values one must. */
export interface UserFilters {
  /** Any part of an address or a name, from three characters on, the beginning of one below; or an exact id or number. */
  search?: string | undefined;
  status?: readonly UserRecord['status'][] | undefined;
  /** By itself or by a group. */
  role?: readonly string[] | undefined;
  /** Ids. */
  group?: readonly string[] | undefined;
  factor?: readonly FactorFilter[] | undefined;
  emailVerified?: boolean | undefined;
  /** The contracts that the account was used at. */
  door?: readonly string[] | undefined;
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
  lastLoginAfter?: Date | undefined;
  lastLoginBefore?: Date | undefined;
  /** All must hold; of each, the attributes of the account must contain one of the objects. */
  attributes?: readonly (readonly Record<string, unknown>[])[] | undefined;
}

export type UserSort = 'created_at' | 'last_login_at' | 'email' | 'number';

export interface UserSearch {
  list(request: PageRequest<UserSort, UserFilters>): Promise<Page<UserRecord>>;
  /** How many there are; counting ends at `most`. */
  count(filters: UserFilters, cap: number): Promise<number>;
}

const record = recordOf(User);

const NEVER = "'-infinity'::timestamptz";

/** Shorter parts have no trigram: an index finds them at the beginning alone. */
const SHORTEST_PART = 3;

const isUserNumber = (text: string): boolean =>
  /^[1-9]\d{0,9}$/.test(text) && Number(text) <= MAX_USER_NUMBER;

const literal = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

/** Roles that manage, which few people have. */
const OF_FEW = new Set(['owner', 'administrator', 'support', 'developer', 'auditor', 'admin']);

const LIST: Listing<UserSort, UserFilters> = {
  from: 'users',
  columns: record.columns,
  sorts: {
    created_at: { by: 'created_at', type: 'timestamptz' },
    last_login_at: { by: `coalesce(last_login_at, ${NEVER})`, type: 'timestamptz' },
    email: { by: 'email_key', type: 'text' },
    number: { by: 'number', type: 'integer' },
  },
  id: { by: 'id', type: 'uuid' },
  filters: {
    search(value, parameter) {
      const part = value.toLowerCase();
      const isId: boolean = isUuid(part);
      if (isId) return `id = ${parameter(part)}`;
      const isShort = part.length < SHORTEST_PART;
      const pattern = parameter(isShort ? `${literal(part)}%` : `%${literal(part)}%`);
      const isPart = isShort
        ? `(email_key like ${pattern} or username_key like ${pattern})`
        : `user_search_text(email, username, name, given_name, family_name) like ${pattern}`;
      return isUserNumber(value) ? `(number = ${parameter(Number(value))} or ${isPart})` : isPart;
    },
    status: (values, parameter) => `status = any(${parameter(values)})`,
    role(values, parameter) {
      const names = parameter(values);
      const has = `(roles && ${names} or group_roles && ${names})`;
      // Their ids first: the planner takes them for many, and would look for them among all accounts in the order of the list.
      return values.every((name) => OF_FEW.has(name))
        ? `id = any(array(select id from users where ${has}))`
        : has;
    },
    group: (values, parameter) =>
      `id in (select account_id from group_members where group_id = any(${parameter(values)}::uuid[]))`,
    factor: (values) => `(${values.map((value) => `(${FACTORS[value]})`).join(' or ')})`,
    emailVerified: (value) => `email_verified_at is ${value ? 'not null' : 'null'}`,
    door: (values, parameter) =>
      `exists (select from contract_users where account_id = users.id and door = any(${parameter(values)}))`,
    createdAfter: (value, parameter) => `created_at >= ${parameter(value)}`,
    createdBefore: (value, parameter) => `created_at < ${parameter(value)}`,
    lastLoginAfter: (value, parameter) => `last_login_at >= ${parameter(value)}`,
    lastLoginBefore: (value, parameter) => `last_login_at < ${parameter(value)}`,
    // The index has none that are empty.
    attributes(filters, parameter) {
      const isOneOf = (objects: readonly Record<string, unknown>[]) =>
        `(${objects.map((one) => `attributes @> ${parameter(JSON.stringify(one))}::jsonb`).join(' or ')})`;
      return ["attributes <> '{}'", ...filters.map(isOneOf)].join(' and ');
    },
  },
};

/** Looks accounts up for operators, in PostgreSQL. */
export function createUserSearch(pool: Pool): UserSearch {
  return {
    async list(request) {
      const page = await pageOf(pool, LIST, request);
      return { ...page, items: record.read(page.items) };
    },
    count: (filters, cap) => countOf(pool, LIST, filters, cap),
  };
}
