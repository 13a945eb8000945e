// raw-sql: a login stands only while the security version of the account does, by one statement.
import { Op } from 'sequelize';
import { SignInSource } from './models/sign-in-source.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';
import type { UserRecord } from './users.ts';

interface SignIn {
  /** The account as it was when it was authenticated. */
  account: Pick<UserRecord, 'id' | 'passwordHash' | 'securityVersion'>;
  at: Date;
  /** Where it came from, as the lockout counts. */
  source: string;
  /** What it was made with. */
  device: string;
  /** What to replace the hash with, if anything: the same password under today's parameters. */
  newHash: string | null;
}

export interface SignIns {
  /**
   * Writes a login down in one statement, if the account is still active and of the same security version: sets
   * last_login_at (updated_at is about its data and stays), and remembers the source for 30 days and the device for 180.
   * Of logins that replace one hash at once the first does, and all of them stand.
   * @returns null when the login does not stand; else whether its device is new to an account that knew others.
   */
  record(signIn: SignIn, tx: Tx): Promise<{ isNewDevice: boolean } | null>;
  /** Replaces a hash by a newer one of the same password, unless it has been replaced already. */
  replaceHash(account: Pick<UserRecord, 'id' | 'passwordHash'>, newHash: string): Promise<void>;
  /** Whether `source` signed in to the account within the 30 days before `now` (milliseconds). */
  knows(accountId: string, source: string, now: number): Promise<boolean>;
}

const DAY = 86_400_000;
const MEMORY = { source: 30 * DAY, device: 180 * DAY };
const since = (now: number, of: keyof typeof MEMORY): Date => new Date(now - MEMORY[of]);

/** One statement, so that a login comes wholly before a change of the account's security or not at all. */
const RECORD = `with account as (
    update users set
      last_login_at = $2,
      password_hash = case when password_hash = $4 then coalesce($5, $4) else password_hash end
    where id = $1 and status = 'active'
      and security_version = $3
    returning id
  ), forgotten as (
    delete from sign_in_sources using account
    where account_id = account.id and last_at < $7 and source <> $6
  ), known as (
    select count(*) > 0 and not coalesce(bool_or(device = $8), false) as lacks
    from sign_in_devices where account_id = $1
  ), forgotten_devices as (
    delete from sign_in_devices using account
    where account_id = account.id and last_at < $9 and device <> $8
  ), device as (
    insert into sign_in_devices (account_id, device, last_at) select id, $8, $2 from account
    on conflict (account_id, device) do update set last_at = excluded.last_at
  )
  insert into sign_in_sources (account_id, source, last_at) select id, $6, $2 from account
  on conflict (account_id, source) do update set last_at = excluded.last_at
  returning (select lacks from known) as "isNewDevice"`;

/** Its hashes are parameters: a model would put them into the text of the statement, which PostgreSQL may log. */
const REPLACE_HASH = 'update users set password_hash = $3 where id = $1 and password_hash = $2';

/** Logins, the sources that they came from and the devices that they were made with, in PostgreSQL. */
export function createSignIns(pool: Executor): SignIns {
  return {
    async record({ account, at, source, device, newHash }, tx) {
      const now = at.getTime();
      const { rows } = await tx.query<{ isNewDevice: boolean }>(RECORD, [
        account.id,
        at,
        account.securityVersion,
        account.passwordHash,
        newHash,
        source,
        since(now, 'source'),
        device,
        since(now, 'device'),
      ]);
      return rows[0] ?? null;
    },
    async replaceHash({ id, passwordHash }, newHash) {
      await pool.query(REPLACE_HASH, [id, passwordHash, newHash]);
    },
    knows: async (accountId, source, now) =>
      (await SignInSource.count({
        where: { accountId, source, lastAt: { [Op.gt]: since(now, 'source') } },
      })) > 0,
  };
}
