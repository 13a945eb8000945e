// raw-sql: one prepared statement counts rows of three tables for every login; a recovery code's hash must not be in a statement's text.
import type { Pool } from 'pg';
import { Op } from 'sequelize';
import { sha256 } from '../core/ids.ts';
import type { Secrets } from '../core/secrets.ts';
import { RecoveryCode, TrustedDevice } from './models/factors.ts';
import { createPasskeyStore, type PasskeyStore } from './passkeys.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';
import { createTotpStore, type TotpStore } from './totp.ts';

/** Counts by kind of factor. */
export interface FactorCounts {
  totp: number;
  passkeys: number;
  recoveryCodes: number;
}

export interface Factors {
  /** Counts by one prepared statement, because every login asks; in `tx`, with its changes. */
  count(accountId: string, tx?: Tx): Promise<FactorCounts>;
}

/** A recovery code to redeem: the forms it may be stored in, or its hash as another service made it. */
export interface UsedCode {
  forms: string[];
  hash: string | null;
}

export interface RecoveryCodeStore {
  /** Hashes of the account's codes from other services. */
  foreignHashes(accountId: string): Promise<string[]>;
  /** Replaces all codes of the account. */
  replace(accountId: string, codes: string[], tx: Tx): Promise<void>;
  /**
   * Redeems a code by deleting it in one statement. Of concurrent attempts one succeeds.
   * @returns whether this one did.
   */
  use(accountId: string, code: UsedCode, tx: Tx): Promise<boolean>;
  deleteAll(accountId: string, tx: Tx): Promise<void>;
}

export interface TrustedDevices {
  add(accountId: string, token: string, expiresAt: Date, tx: Tx): Promise<void>;
  /** Whether the token is one of the account's and has not expired, `now` in milliseconds. */
  has(accountId: string, token: string, now: number): Promise<boolean>;
  deleteAll(accountId: string, tx: Tx): Promise<void>;
}

/** All stores of second factors. */
export interface FactorStores {
  factors: Factors;
  totp: TotpStore;
  passkeys: PasskeyStore;
  recoveryCodes: RecoveryCodeStore;
  trustedDevices: TrustedDevices;
}

const COUNT = {
  name: 'factors_count',
  text: `select
    (select count(*)::int from totp_authenticators where account_id = $1 and expires_at is null) as totp,
    (select count(*)::int from passkeys where account_id = $1) as passkeys,
    (select count(*)::int from recovery_codes where account_id = $1) as "recoveryCodes"`,
};

const createFactors = (pool: Executor): Factors => ({
  async count(accountId, tx) {
    const { rows } = await (tx ?? pool).query<FactorCounts>({ ...COUNT, values: [accountId] });
    return rows[0]!;
  },
});

/** Prefix of a hash from another service. */
export const FOREIGN = 'hash:';

/** One statement whose values are parameters. */
const USE_CODE = 'delete from recovery_codes where account_id = $1 and hash = any($2)';

/** Recovery codes, by a hash that cannot be guessed offline without SECRETS_KEY. */
function createRecoveryCodeStore(secrets: Secrets): RecoveryCodeStore {
  const hashOf = (code: string) => secrets.mac('recovery-codes', code);
  const deleteAll = async (accountId: string, tx: Tx) => {
    await RecoveryCode.destroy({ where: { accountId }, transaction: tx });
  };
  return {
    async replace(accountId, codes, tx) {
      await deleteAll(accountId, tx);
      const rows = codes.map((code) => ({ accountId, hash: hashOf(code) }));
      await RecoveryCode.bulkCreate(rows, { transaction: tx });
    },
    async foreignHashes(accountId) {
      const codes = await RecoveryCode.findAll({
        where: { accountId, hash: { [Op.startsWith]: FOREIGN } },
      });
      return codes.map(({ hash }) => hash.slice(FOREIGN.length));
    },
    async use(accountId, { forms, hash }, tx) {
      const { rowCount } = await tx.query(USE_CODE, [
        accountId,
        [...forms.map(hashOf), ...(hash === null ? [] : [FOREIGN + hash])],
      ]);
      return (rowCount ?? 0) > 0;
    },
    deleteAll,
  };
}

/** Trusted browsers, which need no second factor for a while, by the hash of their token. */
const trustedDevices: TrustedDevices = {
  async add(accountId, token, expiresAt, tx) {
    await TrustedDevice.create({ hash: sha256(token), accountId, expiresAt }, { transaction: tx });
  },
  has: async (accountId, token, now) =>
    (await TrustedDevice.count({
      where: { hash: sha256(token), accountId, expiresAt: { [Op.gt]: new Date(now) } },
    })) > 0,
  async deleteAll(accountId, tx) {
    await TrustedDevice.destroy({ where: { accountId }, transaction: tx });
  },
};

/** Second factors in PostgreSQL. */
export const createFactorStores = ({ pool, secrets }: { pool: Pool; secrets: Secrets }): FactorStores => ({
  factors: createFactors(pool),
  totp: createTotpStore(pool),
  passkeys: createPasskeyStore(pool),
  recoveryCodes: createRecoveryCodeStore(secrets),
  trustedDevices,
});
