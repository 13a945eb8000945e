// raw-sql: counts over all accounts.
import type { ImportedRecord } from './imports.ts';
import type { Executor } from './postgres/executor.ts';

/** Counts of a move from other services, in PostgreSQL. */
export interface MigrationCounts {
  /** Number of accounts, and of those created here. */
  accounts(): Promise<{ total: number; madeHere: number }>;
  moved(): Promise<{ source: string; way: ImportedRecord['way']; accounts: number }[]>;
  /** Accounts of an import that have not signed in here since, by source. */
  notCome(): Promise<{ source: string; accounts: number }[]>;
  /** Accounts whose password the source verifies, by source. */
  withoutPassword(): Promise<{ source: string; accounts: number }[]>;
  /** Some of those that have not signed in, oldest first. */
  someNotCome(limit: number): Promise<{ id: string; email: string }[]>;
  /** Foreign password hashes: an example and the number of each form. */
  oldHashes(): Promise<{ sample: string; accounts: number }[]>;
}

const ACCOUNTS = `select count(*)::int as total,
    count(*) filter (where not exists (select from imported_accounts where account_id = users.id))::int as "madeHere"
  from users where status <> 'deleted'`;

const MOVED = `select imported.source, way, count(distinct account_id)::int as accounts
  from imported_accounts as imported join users on users.id = account_id where status <> 'deleted'
  group by imported.source, way order by imported.source, way`;

/** An import may record earlier logins at the source. */
const NOT_COME = `from imported_accounts as imported join users on users.id = account_id
  where way = 'import' and status = 'active' and (last_login_at is null or last_login_at < imported.created_at)`;

const WITHOUT_PASSWORD = `select imported.source, count(distinct account_id)::int as accounts
  from imported_accounts as imported join users on users.id = account_id
  where status <> 'deleted' and password_hash is null and password_changed_at is null and password_digest is null
  group by imported.source order by imported.source`;

const OLD_HASHES = String.raw`select min(password_hash) as sample, count(*)::int as accounts
  from users
  where status <> 'deleted' and password_hash is not null
    and password_hash !~ '^\$argon2id\$v=19\$[mtp]=\d+,[mtp]=\d+,[mtp]=\d+\$[\w+/]+\$[\w+/]+$'
  group by coalesce(
    substring(password_hash from '^(?:\$postern\$f=[\w-]*|\$[\w-]+\$|\{[^}]+\}|[a-z0-9_]+[:$])'),
    length(password_hash)::text)`;

export const createMigrationCounts = (pool: Executor): MigrationCounts => {
  const rows = async <Row extends object>(statement: string, values: unknown[] = []) =>
    (await pool.query(statement, values)).rows as Row[];
  return {
    async accounts() {
      const [row] = await rows<{ total: number; madeHere: number }>(ACCOUNTS);
      return row ?? { total: 0, madeHere: 0 };
    },
    moved: () => rows(MOVED),
    notCome: () =>
      rows(
        `select imported.source, count(distinct account_id)::int as accounts ${NOT_COME}
          group by imported.source order by imported.source`,
      ),
    withoutPassword: () => rows(WITHOUT_PASSWORD),
    someNotCome: (limit) =>
      rows(`select distinct users.number, users.id, email ${NOT_COME} order by users.number limit $1`, [
        limit,
      ]),
    oldHashes: () => rows(OLD_HASHES),
  };
};
