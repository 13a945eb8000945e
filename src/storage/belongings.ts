import type { Tx } from './postgres/transaction.ts';

/** How many of each an account had. */
export interface BelongingCounts {
  passkeys: number;
  totp: number;
  identities: number;
  apiKeys: number;
  /** Clients with a remembered consent. */
  apps: number;
}

/** What is set on an account, beside its sessions and tokens. */
export interface Belongings {
  /**
   * Deletes what opens an account or acts for it: factors and enrolments, recovery codes, identities, API keys, consents,
   * sign-in requests of clients, and where and with what it was signed in.
   * @param since deletes only what was set from then on.
   */
  clear(accountId: string, since: Date | null, tx: Tx): Promise<BelongingCounts>;
}

/** Each with the column that says when a row was written. */
const TABLES = {
  totp_authenticators: 'created_at',
  passkeys: 'created_at',
  recovery_codes: 'created_at',
  upstream_identities: 'created_at',
  api_keys: 'created_at',
  consents: 'updated_at',
  login_requests: 'created_at',
  sign_in_sources: 'last_at',
  sign_in_devices: 'last_at',
};

const DELETIONS = Object.entries(TABLES).map(
  ([table, at]) =>
    `gone_${table} as (delete from ${table} where account_id = $1::uuid and ${at} >= $2::timestamptz returning *)`,
);

const CLEAR = `with ${DELETIONS.join(', ')}
  select
    (select count(*)::int from gone_passkeys) as passkeys,
    (select count(*)::int from gone_totp_authenticators where expires_at is null) as totp,
    (select count(*)::int from gone_upstream_identities) as identities,
    (select count(*)::int from gone_api_keys) as "apiKeys",
    (select count(*)::int from gone_consents) as apps`;

export const belongings: Belongings = {
  async clear(accountId, since, tx) {
    const { rows } = await tx.query<BelongingCounts>(CLEAR, [accountId, since ?? '-infinity']);
    return rows[0]!;
  },
};
