import { DomainError } from '../../core/errors.ts';
import type { UserFilters, UserSearch, UserSort } from '../../storage/user-search.ts';
import type { Page } from '../../storage/listing.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import { toUser, type User } from '../users/user.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';
import { type Operator, requirePermission } from './operator.ts';

export { FACTOR_FILTERS } from '../../storage/user-search.ts';

/** Searches accounts for operators. */
export interface People {
  /** Newest first unless sorted; deleted accounts are not among them. @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<UserSort, UserFilters>): Promise<Listed<User>>;
  /** How many the filters find, at most `limit`. @throws DomainError insufficient_scope. */
  count(operator: Operator, filters: UserFilters, limit: number): Promise<number>;
  /**
   * All matching accounts, oldest first. The export is audited before the first.
   * @throws DomainError insufficient_scope.
   */
  export(operator: Operator, filters: UserFilters, format: string): Promise<AsyncIterable<User>>;
  /** @throws DomainError insufficient_scope, user_not_found. */
  find(operator: Operator, id: string): Promise<User>;
}

/** Accounts per read of an export. */
const AT_A_TIME = 500;

export function createPeople({
  search,
  users,
  readList,
  audit,
}: Pick<Stores, 'users' | 'audit'> & { search: UserSearch; readList: ReadList }): People {
  const existing = (filters: UserFilters): UserFilters => ({ status: ['active', 'suspended'], ...filters });
  async function* each(filters: UserFilters): AsyncGenerator<User> {
    let after: readonly string[] | null = null;
    do {
      const page: Page<UserRecord> = await search.list({
        filters: existing(filters),
        sort: 'created_at',
        descending: false,
        limit: AT_A_TIME,
        after,
      });
      yield* page.items.map(toUser);
      after = page.next;
    } while (after);
  }

  return {
    async export(operator, filters, format) {
      requirePermission(operator, 'users:export');
      const defined = Object.entries(filters).filter(([, value]) => value !== undefined);
      const details = { format, filters: Object.fromEntries(defined) };
      await audit.record({ type: 'users.exported', details }, operator.actor);
      return each(filters);
    },
    async list(operator, options) {
      requirePermission(operator, 'users:read');
      const page = await readList('users', options, '-created_at', (request) =>
        search.list({ ...request, filters: existing(request.filters) }),
      );
      return { ...page, items: page.items.map(toUser) };
    },
    async count(operator, filters, limit) {
      requirePermission(operator, 'users:read');
      return search.count(existing(filters), limit);
    },
    async find(operator, id) {
      requirePermission(operator, 'users:read');
      const user = await users.findById(id);
      if (!user) throw new DomainError('user_not_found');
      return toUser(user);
    },
  };
}
