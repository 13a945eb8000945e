import type { Secrets } from '../core/secrets.ts';
import type { Tx } from './postgres/transaction.ts';

export interface RecoveryCodeStore {
  /** Replaces every code of the account. */
  replace(accountId: string, codes: string[], tx: Tx): Promise<void>;
  /**
   * Deletes a code as it is used, in one statement: of any number of tries whose transactions commit, one does.
   * @returns whether this one did.
   */
  use(accountId: string, code: string, tx: Tx): Promise<boolean>;
  deleteAll(accountId: string, tx: Tx): Promise<void>;
}

/** Recovery codes in PostgreSQL, by a hash that cannot be tried out without SECRETS_KEY. */
export function createRecoveryCodeStore(secrets: Secrets): RecoveryCodeStore {
  const hash = (code: string) => secrets.mac('recovery-codes', code);
  const deleteAll = async (accountId: string, tx: Tx) => {
    await tx.query('delete from recovery_codes where account_id = $1', [accountId]);
  };
  return {
    async replace(accountId, codes, tx) {
      await deleteAll(accountId, tx);
      await tx.query('insert into recovery_codes (account_id, hash) select $1, unnest($2::text[])', [
        accountId,
        codes.map(hash),
      ]);
    },
    async use(accountId, code, tx) {
      const { rows } = await tx.query(
        'delete from recovery_codes where account_id = $1 and hash = $2 returning hash',
        [accountId, hash(code)],
      );
      return rows.length > 0;
    },
    deleteAll,
  };
}
