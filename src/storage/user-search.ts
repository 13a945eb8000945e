// raw-sql: the conditions of a list for `listing.ts`.
import { isUuid } from '../core/ids.ts';
import {
  countOf,
  countOfFew,
  countOfSample,
  type Listing,
  literal,
  type Page,
  pageFrom,
  type PageRequest,
  type Parameter,
  type Positioned,
  rowsAmongNearest,
  rowsOf,
  rowsOfFew,
  MIN_PART_LENGTH,
} from './listing.ts';
import { recordOf } from './models/define.ts';
import { User } from './models/user.ts';
import type { Executor } from './postgres/executor.ts';
import { MAX_USER_NUMBER, type UserRecord } from './users.ts';

/** Tests whether another table has a row about an account, under a condition. */
type Exists = (table: string, condition: string) => string;

/** By sets: for few matches, which are found first. */
const inSet: Exists = (table, condition) =>
  `exists (select from ${table} where account_id = users.id and ${condition})`;

/** Row by row, for accounts read in the order of the list: `exists` might scan the whole other table first. */
const inRow: Exists = (table, condition) =>
  `((select true from ${table} where account_id = users.id and ${condition} limit 1) is true)`;

/** Only some of the accounts: enough to see that there are many. */
const inSample: Exists = (table, condition) =>
  `id in (select account_id from ${table} where ${condition} limit 3000)`;

const hasTotp = (exists: Exists) => exists('totp_authenticators', 'expires_at is null');
const hasPasskey = (exists: Exists) => exists('passkeys', 'true');

const FACTORS = {
  totp: hasTotp,
  passkey: hasPasskey,
  recovery_codes: (exists: Exists) => exists('recovery_codes', 'true'),
  none: (exists: Exists) => `not ${hasTotp(exists)} and not ${hasPasskey(exists)}`,
} as const;

export type FactorFilter = keyof typeof FACTORS;
export const FACTOR_FILTERS = Object.keys(FACTORS) as FactorFilter[];

/** Conditions on accounts. All must hold; of several values any. */
export interface UserFilters {
  /** Any part of an address or a name with three characters or more, its beginning with fewer; or an exact id or number. */
  search?: string | undefined;
  status?: readonly UserRecord['status'][] | undefined;
  /** Its own or by a group. */
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
  /** How many there are; counting ends at `cap`. */
  count(filters: UserFilters, cap: number): Promise<number>;
}

const record = recordOf(User);

const NEVER = "'-infinity'::timestamptz";

const isUserNumber = (text: string): boolean =>
  /^[1-9]\d{0,9}$/.test(text) && Number(text) <= MAX_USER_NUMBER;

const LAST_LOGIN = `coalesce(last_login_at, ${NEVER})`;

/** Rows of a list to read in its order. When fewer match, finding all matches is faster. */
const WALK = { near: 5_000, furthest: 10_000 };

/** When so few of a sample have a role, its holders are found by the role's index. */
const FEW = 8;

const TEXTS = 'user_search_text(email, username, name, given_name, family_name)';

/** Search the index for the part before the @: most trigrams of a domain are in everybody's address. */
function hasPart(part: string, parameter: Parameter): string {
  const local = part.slice(0, Math.max(0, part.indexOf('@')));
  if (local.length < MIN_PART_LENGTH) return `${TEXTS} like ${parameter(`%${literal(part)}%`)}`;
  return `(${TEXTS} like ${parameter(`%${literal(local)}%`)} and strpos(${TEXTS}, ${parameter(part)}) > 0)`;
}

const listing = (exists: Exists): Listing<UserSort, UserFilters> => ({
  from: 'users',
  columns: record.columns,
  sorts: {
    created_at: { by: 'created_at', type: 'timestamptz' },
    last_login_at: { by: LAST_LOGIN, type: 'timestamptz' },
    email: { by: 'email_key', type: 'text' },
    number: { by: 'number', type: 'integer' },
  },
  id: { by: 'id', type: 'uuid' },
  filters: {
    search(value, parameter) {
      const part = value.toLowerCase();
      const isId: boolean = isUuid(part);
      if (isId) return `id = ${parameter(part)}`;
      const beginning = () => parameter(`${literal(part)}%`);
      const isPart =
        part.length < MIN_PART_LENGTH
          ? `(email_key like ${beginning()} or username_key like ${beginning()})`
          : hasPart(part, parameter);
      return isUserNumber(value) ? `(number = ${parameter(Number(value))} or ${isPart})` : isPart;
    },
    status: (values, parameter) => `status = any(${parameter(values)})`,
    role(values, parameter) {
      const names = parameter(values);
      return `(roles && ${names} or group_roles && ${names})`;
    },
    group: (values, parameter) => exists('group_members', `group_id = any(${parameter(values)}::uuid[])`),
    factor: (values) => `(${values.map((value) => `(${FACTORS[value](exists)})`).join(' or ')})`,
    emailVerified: (value) => `email_verified_at is ${value ? 'not null' : 'null'}`,
    door: (values, parameter) => exists('contract_users', `door = any(${parameter(values)})`),
    createdAfter: (value, parameter) => `created_at >= ${parameter(value)}`,
    createdBefore: (value, parameter) => `created_at < ${parameter(value)}`,
    lastLoginAfter: (value, parameter) => `${LAST_LOGIN} >= ${parameter(value)}`,
    lastLoginBefore: (value, parameter) => `${LAST_LOGIN} > ${NEVER} and ${LAST_LOGIN} < ${parameter(value)}`,
    // The index leaves out empty ones.
    attributes(filters, parameter) {
      const isOneOf = (objects: readonly Record<string, unknown>[]) =>
        `(${objects.map((one) => `attributes @> ${parameter(JSON.stringify(one))}::jsonb`).join(' or ')})`;
      return ["attributes <> '{}'", ...filters.map(isOneOf)].join(' and ');
    },
  },
});

const LIST = listing(inSet);
const IN_ORDER = listing(inRow);
const SAMPLE = listing(inSample);

/** Condition of every list: the account is not deleted. */
const isNarrowed = ({ status, ...filters }: UserFilters): boolean =>
  status?.length === 1 || Object.values(filters).some((value) => value !== undefined);

/** Filters that an index in list order covers: few accounts are suspended. */
const walkedOf = ({
  filters,
  sort,
}: Pick<PageRequest<UserSort, UserFilters>, 'filters' | 'sort'>): UserFilters => ({
  ...(filters.status?.includes('active') === false && { status: filters.status }),
  ...(sort === 'created_at' && { createdAfter: filters.createdAfter, createdBefore: filters.createdBefore }),
  ...(sort === 'last_login_at' && {
    lastLoginAfter: filters.lastLoginAfter,
    lastLoginBefore: filters.lastLoginBefore,
  }),
});

function pageOfUsers(rows: (object & Positioned)[], limit: number): Page<UserRecord> {
  const page = pageFrom(rows, limit);
  return { ...page, items: record.read(page.items) };
}

/**
 * Searches accounts for operators, in PostgreSQL. Either many of the first accounts of the list match, or an index finds all
 * matches: a page costs about the same either way.
 * @param bounded runs statements that combinations of conditions may make slow.
 */
export function createUserSearch(pool: Executor, bounded: Executor = pool): UserSearch {
  return {
    async list({ limit, ...request }) {
      const count = limit + 1;
      const narrow = isNarrowed(request.filters);
      const walk = { ...WALK, walked: walkedOf(request), count };
      const all = (executor: Executor) =>
        rowsOf<UserSort, UserFilters, object>(executor, IN_ORDER, request, count);
      if (!narrow) return pageOfUsers(await all(pool), limit);
      const near = await rowsAmongNearest<UserSort, UserFilters, object>(
        pool,
        bounded,
        IN_ORDER,
        request,
        walk,
      );
      if (near.length >= count) return pageOfUsers(near, limit);
      const few = await rowsOfFew<UserSort, UserFilters, object>(bounded, LIST, request, count);
      // Of many matches some come soon, even if not among the first rows.
      return pageOfUsers(few ?? (await all(bounded)), limit);
    },
    async count(filters, cap) {
      const isOfOthers =
        filters.group ?? filters.door ?? filters.factor?.every((factor) => factor !== 'none');
      const sample = isOfOthers ? await countOf(bounded, SAMPLE, filters, cap) : 0;
      if (sample === cap) return cap;
      // The statistics of the table cover only the most common roles.
      const isRare = filters.role && (await countOfSample(bounded, IN_ORDER, filters, FEW)) < FEW;
      return (isRare ? countOfFew : countOf)(bounded, LIST, filters, cap);
    },
  };
}
