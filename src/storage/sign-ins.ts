import type { Pool } from 'pg';
import type { Tx } from './postgres/transaction.ts';
import type { UserRecord } from './users.ts';

interface SignIn {
  /** The account as it was when it was authenticated. */
  account: Pick<UserRecord, 'id' | 'passwordHash' | 'passwordChangedAt'>;
  at: Date;
  /** Where it came from, as the lockout counts. */
  source: string;
  /** What to replace the hash with, if anything: the same password under today's parameters. */
  newHash: string | null;
}

export interface SignIns {
  /**
   * Writes a login down in one statement, if the account is still active and its password has not been changed: sets
   * last_login_at (updated_at is about its data and stays), and remembers the source for 30 days. Of logins that
   * replace one hash at once the first does, and all of them stand.
   * @returns whether the login stands.
   */
  record(signIn: SignIn, tx: Tx): Promise<boolean>;
  /** Replaces a hash by a newer one of the same password, unless it has been replaced already. */
  replaceHash(account: Pick<UserRecord, 'id' | 'passwordHash'>, newHash: string): Promise<void>;
  /** Whether `source` signed in to the account within the 30 days before `now` (milliseconds). */
  knows(accountId: string, source: string, now: number): Promise<boolean>;
}

const MEMORY = 30 * 86_400_000;
const since = (now: number): Date => new Date(now - MEMORY);

/** Logins, and the sources that they came from, in PostgreSQL. */
export function createSignIns(pool: Pool): SignIns {
  return {
    async record({ account, at, source, newHash }, tx) {
      const { rows } = await tx.query(
        `with account as (
           update users set
             last_login_at = $2,
             password_hash = case when password_hash = $4 then coalesce($5, $4) else password_hash end
           where id = $1 and status = 'active'
             and date_trunc('milliseconds', password_changed_at) is not distinct from $3::timestamptz
           returning id
         ), forgotten as (
           delete from sign_in_sources using account
           where account_id = account.id and last_at < $7 and source <> $6
         )
         insert into sign_in_sources (account_id, source, last_at) select id, $6, $2 from account
         on conflict (account_id, source) do update set last_at = excluded.last_at
         returning account_id`,
        [
          account.id,
          at,
          account.passwordChangedAt,
          account.passwordHash,
          newHash,
          source,
          since(at.getTime()),
        ],
      );
      return rows.length > 0;
    },
    async replaceHash({ id, passwordHash }, newHash) {
      await pool.query('update users set password_hash = $3 where id = $1 and password_hash = $2', [
        id,
        passwordHash,
        newHash,
      ]);
    },
    async knows(accountId, source, now) {
      const { rows } = await pool.query({
        name: 'sign_in_sources_known',
        text: 'select 1 from sign_in_sources where account_id = $1 and source = $2 and last_at > $3',
        values: [accountId, source, since(now)],
      });
      return rows.length > 0;
    },
  };
}
