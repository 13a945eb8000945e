// raw-sql: one statement accepts a login only while the account's security version is unchanged.

import type { Pool } from 'pg';
import { type Attributes, Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { type DeviceSignIn, SignInSource } from './models/sign-ins.ts';
import { FOREIGN_KEY_VIOLATION, isState, run } from './oidc/postgres-query.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';
import type { SessionRecord } from './sessions.ts';
import type { UserRecord } from './users.ts';

interface SignIn {
  /** The account as it was when it was authenticated. */
  account: Pick<UserRecord, 'id' | 'passwordHash' | 'securityVersion'>;
  at: Date;
  /** Where it came from, as the lockout counts. */
  source: string;
  /** What it was made with. */
  device: string;
  /** A new hash of the same password with current parameters, if the old one is outdated. */
  newHash: string | null;
}

export interface SignIns {
  /**
   * Records a login in one statement, if the account is still active and has the same security version. Sets last_login_at
   * (updated_at is about its data and stays), and remembers the source for 30 days and the device for 180. Of concurrent logins
   * that replace one hash the first does; all of them are accepted.
   * @returns null when the login is not accepted; else whether its device is new to an account that knows others.
   */
  record(signIn: SignIn, tx: Tx): Promise<{ isNewDevice: boolean } | null>;
  /** Replaces a hash by a newer one of the same password, unless it has been replaced already. */
  replaceHash(account: Pick<UserRecord, 'id' | 'passwordHash'>, newHash: string): Promise<void>;
  /** Stores the hash of a password for an account that came without one, unless it has got one since. */
  setFirstHash(accountId: string, hash: string, at: Date): Promise<void>;
  /** Whether `source` signed in to the account within the 30 days before `now` (milliseconds). */
  knows(accountId: string, source: string, now: number): Promise<boolean>;
}

const DAY = 86_400_000;
const MEMORY = { source: 30 * DAY, device: 180 * DAY };
const since = (now: number, of: keyof typeof MEMORY): Date => new Date(now - MEMORY[of]);

/** One statement, so that a login comes wholly before a change of the account's security, or not at all. */
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

const FIRST_HASH = `update users set password_hash = $2, password_changed_at = $3
  where id = $1 and password_hash is null and password_changed_at is null`;

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
    async setFirstHash(accountId, hash, at) {
      await pool.query(FIRST_HASH, [accountId, hash, at]);
    },
    knows: async (accountId, source, now) =>
      (await SignInSource.count({
        where: { accountId, source, lastAt: { [Op.gt]: since(now, 'source') } },
      })) > 0,
  };
}

// raw-sql: one statement adds a sign-in only while its session lives; the list joins grants, tokens and sessions.

/** A device that somebody signs in by its code. */
export type NewDeviceSignIn = Omit<Attributes<DeviceSignIn>, 'sessionUid' | 'createdAt'> & {
  /** The approving session. */
  sessionUid: string;
  /** Whether the grant is the session's, and ends with it. */
  endsWithSession: boolean;
};

/** Devices that were signed in by a code (RFC 8628). Each is deleted with its grant. */
export interface DeviceSignIns {
  /**
   * Records one, replacing an earlier attempt. Whatever ends the session comes wholly before or finds the device.
   * @returns false when the session or the grant has ended.
   */
  add(device: NewDeviceSignIn): Promise<boolean>;
  /** Those that hold or may still fetch a token. `seenAt` is when the device last got a refresh token. */
  listOf(accountId: string): Promise<SessionRecord[]>;
  /** The device whose own grant it is. */
  holderOf(accountId: string, grantId: string): Promise<string | null>;
  /** Locks in `tx` one device of an account, or all but one. @returns their grants. */
  lockGrants(accountId: string, which: { uid: string } | { except: string }, tx: Tx): Promise<string[]>;
}

const ADD = {
  name: 'device_sign_ins_add',
  text: `with approving as (
      select from oidc_records where model = 'Session' and uid = $3 and consumed_at is null for share
    )
    insert into device_sign_ins (id, grant_id, session_uid, ip, user_agent, created_at)
    select $1, $2, case when $4 then $3 end, $5, $6, to_timestamp($7::float8 / 1000)
      where exists (select from approving)
    on conflict (id) do update set grant_id = excluded.grant_id, session_uid = excluded.session_uid`,
};

/**
 * The devices of an account ($1) at a moment ($2, milliseconds). One whose client has no refresh tokens is listed for as long as
 * an access token may live ($3, seconds).
 */
export const DEVICES = `select d.id as uid, d.created_at as "signedInAt", r.at as "seenAt", g.expires_at as "expiresAt",
      d.user_agent as "userAgent", d.ip, array[g.client_id] as "clientIds", d.session_uid as "endsWith"
    from oidc_grants g join device_sign_ins d on d.grant_id = g.id
    left join lateral (
      select max(created_at) as at from oidc_records
      where grant_id = g.id and model = 'RefreshToken' and payload ->> 'gty' like '%device_code%'
        and consumed_at is null and expires_at > to_timestamp($2::float8 / 1000)
    ) r on true
    where g.account_id = $1 and g.expires_at > to_timestamp($2::float8 / 1000)
      and (r.at is not null or d.created_at > to_timestamp($2::float8 / 1000 - $3))
      and (d.session_uid is null or exists (
        select from oidc_records where model = 'Session' and uid = d.session_uid and consumed_at is null
          and expires_at > to_timestamp($2::float8 / 1000)))`;

const LIST = { name: 'device_sign_ins_list', text: DEVICES };

const HOLDER = {
  name: 'device_sign_ins_holder',
  text: `select d.id from oidc_grants g join device_sign_ins d on d.grant_id = g.id
    where g.account_id = $1 and g.id = $2 and d.session_uid is null`,
};

export function createDeviceSignIns({
  pool,
  clock,
  longestToken,
}: {
  pool: Pool;
  clock: Clock;
  /** Longest lifetime of an access token in seconds. */
  longestToken: number;
}): DeviceSignIns {
  return {
    async add({ id, grantId, sessionUid, endsWithSession, ip, userAgent }) {
      const values = [id, grantId, sessionUid, endsWithSession, ip, userAgent, clock.now()];
      try {
        return (await run(pool, ADD, values)).rowCount !== 0;
      } catch (error) {
        if (isState(error, FOREIGN_KEY_VIOLATION)) return false;
        throw error;
      }
    },
    async listOf(accountId) {
      const { rows } = await run<Omit<SessionRecord, 'kind'>>(pool, LIST, [
        accountId,
        clock.now(),
        longestToken,
      ]);
      return rows.map((row) => ({ kind: 'device', ...row }));
    },
    async holderOf(accountId, grantId) {
      const { rows } = await run<Pick<DeviceSignIn, 'id'>>(pool, HOLDER, [accountId, grantId]);
      return rows[0]?.id ?? null;
    },
    async lockGrants(accountId, which, tx) {
      const [comparison, id] = 'uid' in which ? ['=', which.uid] : ['<>', which.except];
      const { rows } = await tx.query<Pick<DeviceSignIn, 'grantId'>>(
        `select g.id as "grantId" from oidc_grants g join device_sign_ins d on d.grant_id = g.id
          where g.account_id = $1::uuid and d.id ${comparison} $2 for update`,
        [accountId, id],
      );
      return rows.map(({ grantId }) => grantId);
    },
  };
}
