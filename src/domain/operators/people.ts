import { DomainError } from '../../core/errors.ts';
import type { UserFilters, UserSearch, UserSort } from '../../storage/user-search.ts';

import type { Users } from '../../storage/users.ts';
import { toUser, type User } from '../users/user.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';
import { type Operator, requirePermission } from './operator.ts';

export { FACTOR_FILTERS } from '../../storage/user-search.ts';

/** Looks accounts up for operators. */
export interface People {
  /** Newest first unless sorted; deleted accounts are not among them. @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<UserSort, UserFilters>): Promise<Listed<User>>;
  /** How many the filters find, `most` at most. @throws DomainError insufficient_scope. */
  count(operator: Operator, filters: UserFilters, most: number): Promise<number>;
  /** @throws DomainError insufficient_scope, user_not_found. */
  find(operator: Operator, id: string): Promise<User>;
}

interface Dependencies {
  search: UserSearch;
  users: Pick<Users, 'findById'>;
  readList: ReadList;
}

export function createPeople({ search, users, readList }: Dependencies): People {
  const there = (filters: UserFilters): UserFilters => ({ status: ['active', 'suspended'], ...filters });
  return {
    async list(operator, options) {
      requirePermission(operator, 'users:read');
      const page = await readList('users', options, '-created_at', (request) =>
        search.list({ ...request, filters: there(request.filters) }),
      );
      return { ...page, items: page.items.map(toUser) };
    },
    async count(operator, filters, most) {
      requirePermission(operator, 'users:read');
      return search.count(there(filters), most);
    },
    async find(operator, id) {
      requirePermission(operator, 'users:read');
      const user = await users.findById(id);
      if (!user) throw new DomainError('user_not_found');
      return toUser(user);
    },
  };
}
