// raw-sql: a sign-in is added only while its session lives, by one statement; the list joins grants, tokens and sessions.
import type { Pool } from 'pg';
import type { Attributes } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import type { DeviceSignIn } from './models/device-sign-in.ts';
import { FOREIGN_KEY_VIOLATION, isState, run } from './oidc/postgres-query.ts';
import type { Tx } from './postgres/transaction.ts';
import type { SessionRecord } from './sessions.ts';

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
   * Writes one down, over an earlier try. Whatever ends the session comes wholly before or finds the device.
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

interface Dependencies {
  pool: Pool;
  clock: Clock;
  /** Longest lifetime of an access token in seconds. */
  longestToken: number;
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

/** A device whose client has no refresh tokens is there as long as an access token may be. */
const LIST = {
  name: 'device_sign_ins_list',
  text: `select d.id as uid, d.created_at as "signedInAt", r.at as "seenAt", g.expires_at as "expiresAt",
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
          and expires_at > to_timestamp($2::float8 / 1000)))`,
};

const HOLDER = {
  name: 'device_sign_ins_holder',
  text: `select d.id from oidc_grants g join device_sign_ins d on d.grant_id = g.id
    where g.account_id = $1 and g.id = $2 and d.session_uid is null`,
};

export function createDeviceSignIns({ pool, clock, longestToken }: Dependencies): DeviceSignIns {
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
