import type { Pool } from 'pg';
import { sha256 } from '../core/ids.ts';
import type { Tx } from './postgres/transaction.ts';

export interface TrustedDevices {
  add(accountId: string, token: string, expiresAt: Date, tx: Tx): Promise<void>;
  /** Whether the token is one of the account's and has not expired, `now` in milliseconds. */
  has(accountId: string, token: string, now: number): Promise<boolean>;
  deleteAll(accountId: string, tx: Tx): Promise<void>;
}

/** Browsers that need no second factor for a while, in PostgreSQL, by the hash of their token. */
export function createTrustedDevices(pool: Pool): TrustedDevices {
  return {
    async add(accountId, token, expiresAt, tx) {
      await tx.query('insert into trusted_devices (hash, account_id, expires_at) values ($1, $2, $3)', [
        sha256(token),
        accountId,
        expiresAt,
      ]);
    },
    async has(accountId, token, now) {
      const { rows } = await pool.query({
        name: 'trusted_devices_has',
        text: 'select 1 from trusted_devices where hash = $1 and account_id = $2 and expires_at > $3',
        values: [sha256(token), accountId, new Date(now)],
      });
      return rows.length > 0;
    },
    async deleteAll(accountId, tx) {
      await tx.query('delete from trusted_devices where account_id = $1', [accountId]);
    },
  };
}
