// raw-sql: hot (prepared); saves of one session are merged, and an ended one stays so.
import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import { isUuid, sha256 } from '../../core/ids.ts';
import { leavingNotices } from '../logout-notices.ts';
import type { OidcRecord } from '../models/provider-records.ts';
import type { Adapter, Payload } from './adapter.ts';
import { again, run, UNIQUE_VIOLATION } from './postgres-query.ts';
import { notConsumed, pack, unpack } from './record.ts';

/** Milliseconds that an ended session's id is kept; no request takes longer. */
const ENDED_KEPT = 600_000;

/**
 * Reduces an ended session's row to its id for as long as a request may still hold the session: when such a request saves it, it
 * finds the session ended instead of reviving it.
 * @param now the parameter with the time, in milliseconds.
 */
const ended = (now: string): string => `consumed_at = to_timestamp(${now}::float8 / 1000), payload = '{}',
  authorizations = null, account_id = null, uid = null,
  expires_at = to_timestamp((${now}::float8 + ${ENDED_KEPT}) / 1000)`;

/**
 * Ends the sessions that `condition` finds, queues notices to their clients, and returns each one's `authorizations`.
 * @param now the parameter with the time, in milliseconds.
 */
export const endingSessions = (condition: string, now: string): string => `
  with living as (
    select id, account_id, authorizations from oidc_records
    where model = 'Session' and ${condition} and consumed_at is null for update
  ), told as (${leavingNotices('living')})
  update oidc_records set ${ended(now)} from living
  where oidc_records.model = 'Session' and oidc_records.id = living.id
  returning living.authorizations`;

/*
 * Two requests of one browser may save the same session. Each has the clients known at its start and the one it added, so both
 * are merged; for each client the later save wins. This revives nothing: oidc-provider removes a client (logout from one app)
 * only under a new session id, and a save under the old id finds it ended.
 */
const UPDATE = {
  name: 'oidc_sessions_update',
  text: `update oidc_records set payload = $2,
      authorizations = case when account_id is null then $3::jsonb
        else coalesce(authorizations, '{}') || coalesce($3::jsonb, '{}') end,
      expires_at = to_timestamp($6::float8 / 1000)
    where model = 'Session' and id = $1 and consumed_at is null
      and account_id is not distinct from $4::uuid and uid = $5`,
};

/*
 * A new session, a new id of one, or another account in it. Locks the account's row until this commits, so that a concurrent
 * suspension comes wholly before (nothing is written) or wholly after (it finds this session). One uid belongs to one row:
 * another row with it ends here, unless this session has ended, and its clients that are not in this one are told. Counting
 * makes that happen before the insert.
 */
const INSERT = {
  name: 'oidc_sessions_insert',
  text: `with owner as (select id from users where id = $4::uuid and status = 'active' for share),
      living as (select id, account_id, authorizations from oidc_records
        where model = 'Session' and uid = $5 and id <> $1 and not exists
          (select from oidc_records where model = 'Session' and id = $1 and consumed_at is not null)
        for update),
      told as (${leavingNotices('living', '$3::jsonb')}),
      others as (update oidc_records set ${ended('$7')} from living
        where oidc_records.model = 'Session' and oidc_records.id = living.id returning oidc_records.id)
    insert into oidc_records (model, id, payload, authorizations, account_id, uid, expires_at)
    select 'Session', $1, $2::json, $3::jsonb, $4::uuid, $5, to_timestamp($6::float8 / 1000)
      from (select count(*) from others) as first
      where $4::uuid is null or exists (select from owner)
    on conflict (model, id) do update set payload = excluded.payload, authorizations = excluded.authorizations,
      account_id = excluded.account_id, uid = excluded.uid, expires_at = excluded.expires_at
      where oidc_records.consumed_at is null`,
};

const FOUND = `select payload, authorizations from oidc_records
  where model = 'Session' and consumed_at is null and expires_at > to_timestamp($2::float8 / 1000)`;
const FIND = { name: 'oidc_sessions_find', text: `${FOUND} and id = $1` };
const FIND_BY_UID = { name: 'oidc_sessions_find_by_uid', text: `${FOUND} and uid = $1` };
const DESTROY = {
  name: 'oidc_sessions_destroy',
  text: endingSessions('id = $1', '$2'),
};

export type SessionRow = Pick<OidcRecord, 'payload' | 'authorizations'>;

/** The payload of a session, without its id. */
export const sessionPayload = ({ payload, authorizations }: SessionRow): Payload => ({
  ...payload,
  ...(authorizations && { authorizations }),
});

/** Sessions of browsers. A save of a session that has ended, or whose account may have none, is silently dropped. */
export function postgresSessions({ pool, clock }: { pool: Pool; clock: Clock }): Adapter {
  return {
    async upsert(id, { authorizations, ...payload }, expiresIn) {
      const now = clock.now();
      const { key, json, accountId, expiresAt } = pack(id, payload, now, expiresIn);
      if (payload['accountId'] !== undefined && !isUuid(payload['accountId'])) return;
      const apps = authorizations === undefined ? null : JSON.stringify(authorizations);
      const values = [key, json, apps, accountId, payload['uid'], expiresAt];
      const { rowCount } = await run(pool, UPDATE, values);
      if (rowCount !== 0) return;
      // A parallel request may give the same uid a new id; the later one wins.
      await again(UNIQUE_VIOLATION, () => run(pool, INSERT, [...values, now]));
    },
    async find(id) {
      const { rows } = await run<SessionRow>(pool, FIND, [sha256(id), clock.now()]);
      return rows[0] && unpack(id, sessionPayload(rows[0]));
    },
    async findByUid(uid) {
      const { rows } = await run<SessionRow>(pool, FIND_BY_UID, [uid, clock.now()]);
      return rows[0] && sessionPayload(rows[0]);
    },
    async destroy(id) {
      await run(pool, DESTROY, [sha256(id), clock.now()]);
    },
    findByUserCode: async () => undefined,
    ...notConsumed('a session'),
    revokeByGrantId: async () => undefined,
  };
}
