// raw-sql: the account's first page shows all counts, so one prepared statement reads them.
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

/** Counts what belongs to an account. */
export type CountOfAccount = (accountId: string) => Promise<AccountCounts>;

const NOW = 'to_timestamp($2::float8 / 1000)';

const COUNT = {
  name: 'account_counts',
  text: `select
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
      + (select count(*)::int from impersonations where subject_id = $1 and ${WAITING} and expires_at > ${NOW}) as requests`,
};

export const createCountOfAccount =
  (pool: Executor, clock: Clock, longestToken: number): CountOfAccount =>
  async (accountId) => {
    const { rows } = await pool.query<AccountCounts>({
      ...COUNT,
      values: [accountId, clock.now(), longestToken],
    });
    return rows[0]!;
  };
