// raw-sql: a deletion decides who gets the authenticator; models cannot select the newest enrolments.
import type { Pool } from 'pg';
import { Op } from 'sequelize';
import { recordOf, type RecordOf } from './models/define.ts';
import { TotpAuthenticator } from './models/factors.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(
  TotpAuthenticator,
  ...(['accountId', 'secret', 'algorithm', 'digits', 'period', 'expiresAt', 'lastStep'] as const),
);

export type TotpRecord = RecordOf<typeof record>;

/** Parameters of codes (RFC 6238): a secret in base32, the hash function, the digits of a code, seconds of a step. */
export type TotpKey = Pick<TotpAuthenticator, 'secret' | 'algorithm' | 'digits' | 'period'>;

/** A secret is base32 (RFC 4648). */
export interface TotpStore {
  /** Stores an enrolment until `expiresAt`. Deletes the account's expired ones, and all but the newest few of the others. */
  begin(
    enrolment: { id: string; accountId: string; name: string; secret: string; expiresAt: Date },
    now: number,
  ): Promise<void>;
  /** The secret of an enrolment that has not expired, `now` in milliseconds. */
  pendingSecret(accountId: string, id: string, now: number): Promise<string | null>;
  /** Confirms an enrolment by using its first step, in one statement: of concurrent attempts one gets the authenticator. */
  confirm(accountId: string, id: string, step: number, at: Date, tx: Tx): Promise<TotpRecord | null>;
  /** Those that are confirmed, oldest first. */
  list(accountId: string): Promise<TotpRecord[]>;
  /** The keys of those. */
  keys(accountId: string): Promise<(TotpKey & { id: string })[]>;
  /**
   * Uses up a time step and all before it, in one statement. Of concurrent attempts with one step one succeeds.
   * @returns whether this one did.
   */
  useStep(id: string, step: number, at: Date, tx: Tx): Promise<boolean>;
  /** Whether `step` is the last one that was used. */
  isLastStep(id: string, step: number): Promise<boolean>;
  /** @returns the authenticator, or null when the account has none of this id. */
  rename(accountId: string, id: string, name: string): Promise<TotpRecord | null>;
  /** @returns what was deleted, or null. */
  delete(accountId: string, id: string, tx: Tx): Promise<TotpRecord | null>;
}

const PENDING = 5;

/** Makes room for one more: deletes the account's expired enrolments, and all but the newest of the others. */
const TRIM = `delete from totp_authenticators
  where account_id = $1 and expires_at is not null and (expires_at <= $2 or id in (
    select id from totp_authenticators where account_id = $1 and expires_at is not null
    order by expires_at desc offset ${PENDING - 1}))`;

/** One statement: one of parallel attempts gets it. */
const DELETE = `delete from totp_authenticators where account_id = $1 and id = $2 and expires_at is null
  returning ${record.columns}`;

/** Authenticator apps in PostgreSQL. */
export function createTotpStore(pool: Pool): TotpStore {
  return {
    async begin(enrolment, now) {
      await pool.query(TRIM, [enrolment.accountId, new Date(now)]);
      await TotpAuthenticator.create(enrolment);
    },
    async pendingSecret(accountId, id, now) {
      const pending = await TotpAuthenticator.findOne({
        attributes: ['secret'],
        where: { accountId, id, expiresAt: { [Op.gt]: new Date(now) } },
      });
      return pending?.secret ?? null;
    },
    async confirm(accountId, id, step, at, tx) {
      const [, [confirmed]] = await TotpAuthenticator.update(
        { expiresAt: null, lastStep: step, lastUsedAt: at },
        { where: { accountId, id, expiresAt: { [Op.gt]: at } }, returning: true, transaction: tx },
      );
      return confirmed ? record.from(confirmed) : null;
    },
    async list(accountId) {
      const found = await TotpAuthenticator.findAll({
        attributes: record.attributes,
        where: { accountId, expiresAt: null },
        order: ['createdAt', 'id'],
      });
      return found.map(record.from);
    },
    async keys(accountId) {
      const found = await TotpAuthenticator.findAll({
        attributes: ['id', 'secret', 'algorithm', 'digits', 'period'],
        where: { accountId, expiresAt: null },
      });
      return found.map(({ id, secret, algorithm, digits, period }) => ({
        id,
        secret,
        algorithm,
        digits,
        period,
      }));
    },
    async useStep(id, step, at, tx) {
      const [count] = await TotpAuthenticator.update(
        { lastStep: step, lastUsedAt: at },
        { where: { id, lastStep: { [Op.lt]: step } }, transaction: tx },
      );
      return count === 1;
    },
    isLastStep: async (id, step) => (await TotpAuthenticator.count({ where: { id, lastStep: step } })) === 1,
    async rename(accountId, id, name) {
      const [, [renamed]] = await TotpAuthenticator.update(
        { name },
        { where: { accountId, id, expiresAt: null }, returning: true },
      );
      return renamed ? record.from(renamed) : null;
    },
    async delete(accountId, id, tx) {
      const { rows } = await tx.query<object>(DELETE, [accountId, id]);
      return record.read(rows)[0] ?? null;
    },
  };
}
