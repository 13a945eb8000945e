import { beforeAll, expect, it } from '@jest/globals';
import { createLogger } from '../../src/core/logger.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createUserSearch, type UserFilters, type UserSort } from '../../src/storage/user-search.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';

let pool: ReturnType<typeof createPool>;

/** The newest six thousand have unique names. Nearly all others are Finches, and a few are Wrens. */
beforeAll(async () => {
  const { url } = await createDatabase();
  pool = createPool(url, { logger: createLogger('silent'), applicationName: 'test' });
  atEnd(() => pool.end());
  await pool.query(`
    insert into users (id, email, email_key, name, roles, status, last_login_at, created_at)
      select id, id || '@example.org', id || '@example.org',
        case when n <= 6000 then 'New' when n % 2000 = 0 then 'Wren' else 'Finch' end,
        case n when 9000 then '{user,owner}'::text[] else '{user}' end, 'active',
        case when n % 3 = 0 then now() - n * interval '1 hour' end, now() - n * interval '1 minute'
      from generate_series(1, 15000) n, lateral (select md5(n::text)::uuid as id) as ids;
    analyze users`);
});

const FINCH = "name = 'Finch'";

it.each<[string, UserFilters, string]>([
  ['many beyond the first', { search: 'finch' }, FINCH],
  ['few beyond the first', { search: 'wren' }, "name = 'Wren'"],
  ['the first', { search: 'new' }, "name = 'New'"],
  ['none', { search: 'nobody' }, 'false'],
  ['one by role', { role: ['owner'] }, "'owner' = any (roles)"],
  [
    'many at one time',
    { search: 'finch', createdBefore: new Date(Date.now() - 12_000 * 60_000) },
    `${FINCH} and created_at < now() - interval '12000 minutes'`,
  ],
])('pages of accounts are complete and in order: %s', async (_, filters, condition) => {
  const search = createUserSearch(pool);
  const keys: Record<UserSort, string> = {
    created_at: 'created_at',
    last_login_at: "coalesce(last_login_at, '-infinity')",
    email: 'email_key',
    number: 'number',
  };
  for (const [sort, key] of Object.entries(keys) as [UserSort, string][])
    for (const descending of [true, false]) {
      const found: string[] = [];
      let after: string[] | null = null;
      for (let page = 0; page < 2 && (page === 0 || after); page++) {
        const list: Awaited<ReturnType<typeof search.list>> = await search.list({
          filters: { status: ['active', 'suspended'], ...filters },
          sort,
          descending,
          limit: 50,
          after,
        });
        found.push(...list.items.map(({ id }) => id));
        after = list.next;
      }
      const direction = descending ? 'desc' : 'asc';
      const { rows } = await pool.query<{ id: string }>(
        `select id from users where ${condition} order by ${key} ${direction}, id ${direction} limit 100`,
      );
      expect(found).toEqual(rows.map(({ id }) => id));
    }
});

it('accounts are counted up to a cap, also those with a rare role', async () => {
  const search = createUserSearch(pool);
  const counts = await Promise.all([
    search.count({ role: ['owner'] }, 2),
    search.count({ role: ['user'] }, 1_001),
    search.count({ search: 'wren' }, 1_001),
    search.count({ search: 'finch' }, 1_001),
  ]);
  expect(counts).toEqual([1, 1_001, 4, 1_001]);
});
