import type { Pool } from 'pg';
import type { Tx } from './postgres/transaction.ts';

/** How many an account has of each. */
export interface FactorCounts {
  totp: number;
  passkeys: number;
  recoveryCodes: number;
}

export interface Factors {
  /** Counted by one prepared statement, because every login asks; in `tx` with what it has changed. */
  count(accountId: string, tx?: Tx): Promise<FactorCounts>;
}

const COUNT = `select
  (select count(*)::int from totp_authenticators where account_id = $1 and expires_at is null) as totp,
  (select count(*)::int from passkeys where account_id = $1) as passkeys,
  (select count(*)::int from recovery_codes where account_id = $1) as "recoveryCodes"`;

/** What second factors accounts have, in PostgreSQL. */
export function createFactors(pool: Pool): Factors {
  return {
    async count(accountId, tx) {
      const { rows } = tx
        ? await tx.query<FactorCounts>(COUNT, [accountId])
        : await pool.query<FactorCounts>({ name: 'factors_count', text: COUNT, values: [accountId] });
      return rows[0]!;
    },
  };
}
