// raw-sql: the account's first page shows all counts and its newest events, so one prepared statement reads them.
import type { AuditRecord } from './audit.ts';
import type { Clock } from '../core/clock.ts';
import { WAITING } from './impersonations.ts';
import type { Executor } from './postgres/executor.ts';
import { livingSession } from './sessions.ts';
import { DEVICES } from './sign-ins.ts';

/** How many of each kind an account has, as the lists of the other stores show them. */
export interface AccountCounts {
  /** Authenticator apps and passkeys. */
  factors: number;
  recoveryCodes: number;
  /** Browsers and devices that it is signed in with. */
  sessions: number;
  /** Clients with tokens or consent, and agents. */
  apps: number;
  /** Login requests (CIBA) and impersonation requests that await an answer. */
  requests: number;
}

/** An event, as far as its account's owner may see it. */
export type OwnEvent = Pick<AuditRecord, 'id' | 'type' | 'outcome' | 'at' | 'clientId'> &
  Pick<AuditRecord['actor'], 'door' | 'ip' | 'userAgent'>;

/** Counts what belongs to an account, and reads its `limit` newest events, newest first. */
export type ReadOverview = (
  accountId: string,
  limit: number,
) => Promise<{ counts: AccountCounts; events: OwnEvent[] }>;

const NOW = 'to_timestamp($2::float8 / 1000)';

const OVERVIEW = {
  name: 'account_overview',
  text: `select counts.*, event.* from (select
    (select count(*)::int from totp_authenticators where account_id = $1 and expires_at is null)
      + (select count(*)::int from passkeys where account_id = $1) as factors,
    (select count(*)::int from recovery_codes where account_id = $1) as "recoveryCodes",
    (select count(*)::int from oidc_records r where r.account_id = $1 and ${livingSession(NOW)})
      + (select count(*)::int from (${DEVICES}) device) as sessions,
    (select count(distinct client_id)::int from (
        select client_id from oidc_grants where account_id = $1 and expires_at > ${NOW}
        union all select client_id from consents where account_id = $1
        union all select client_id from acting_agents where account_id = $1 and delegation is not null
      ) app) as apps,
    (select count(*)::int from login_requests where account_id = $1 and expires_at > ${NOW})
      + (select count(*)::int from impersonations where subject_id = $1 and ${WAITING} and expires_at > ${NOW}) as requests
    ) counts left join (
      select id, type, outcome, at, client_id as "clientId", door, ip, user_agent as "userAgent"
      from audit_events where subject = $1 order by at desc, id desc limit $4
    ) event on true order by event.at desc, event.id desc`,
};

/** Each row has the counts and an event. The only one of an account without events has none. */
type Row = AccountCounts & (OwnEvent | Record<keyof OwnEvent, null>);

export const createReadOverview =
  (pool: Executor, clock: Clock, longestToken: number): ReadOverview =>
  async (accountId, limit) => {
    const { rows } = await pool.query<Row>({
      ...OVERVIEW,
      values: [accountId, clock.now(), longestToken, limit],
    });
    const { factors, recoveryCodes, sessions, apps, requests } = rows[0]!;
    return {
      counts: { factors, recoveryCodes, sessions, apps, requests },
      events: rows.filter((row): row is AccountCounts & OwnEvent => row.id !== null),
    };
  };
