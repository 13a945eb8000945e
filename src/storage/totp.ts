import type { Pool } from 'pg';
import type { Secrets } from '../core/secrets.ts';
import type { Tx } from './postgres/transaction.ts';

export interface TotpRecord {
  id: string;
  /** What its owner calls it. */
  name: string;
  createdAt: Date;
  lastUsedAt: Date | null;
}

/** A secret is base32 (RFC 4648) here, and sealed in the table. */
export interface TotpStore {
  /** Keeps an enrolment until `expiresAt`. The account's expired ones go, and all but the newest few of the others. */
  begin(
    enrolment: { id: string; accountId: string; name: string; secret: string; expiresAt: Date },
    now: number,
  ): Promise<void>;
  /** The secret of an enrolment that has not expired, `now` in milliseconds. */
  pendingSecret(accountId: string, id: string, now: number): Promise<string | null>;
  /** Ends an enrolment by using its first step, in one statement: of any number of tries one gets the authenticator. */
  confirm(accountId: string, id: string, step: number, at: Date, tx: Tx): Promise<TotpRecord | null>;
  /** Those that are confirmed, oldest first. */
  list(accountId: string): Promise<TotpRecord[]>;
  /** The secrets of those. */
  secrets(accountId: string): Promise<{ id: string; secret: string }[]>;
  /**
   * Uses a time step up, and with it all before it, in one statement: of any number of tries with one step one does.
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

const PURPOSE = 'totp';
const PENDING = 5;
const COLUMNS = 'id, name, created_at as "createdAt", last_used_at as "lastUsedAt"';
const MINE = 'account_id = $1 and id = $2 and expires_at is null';

/** Authenticator apps in PostgreSQL. */
export function createTotpStore({ pool, secrets }: { pool: Pool; secrets: Secrets }): TotpStore {
  return {
    async begin({ id, accountId, name, secret, expiresAt }, now) {
      await pool.query(
        `with gone as (
           delete from totp_authenticators where account_id = $2 and expires_at is not null and (expires_at <= $6 or id in (
             select id from totp_authenticators where account_id = $2 and expires_at is not null
             order by expires_at desc offset ${PENDING - 1}))
         )
         insert into totp_authenticators (id, account_id, name, secret, expires_at) values ($1, $2, $3, $4, $5)`,
        [id, accountId, name, secrets.seal(PURPOSE, secret), expiresAt, new Date(now)],
      );
    },
    async pendingSecret(accountId, id, now) {
      const { rows } = await pool.query<{ secret: Buffer }>(
        'select secret from totp_authenticators where account_id = $1 and id = $2 and expires_at > $3',
        [accountId, id, new Date(now)],
      );
      return rows[0] ? secrets.open(PURPOSE, rows[0].secret) : null;
    },
    async confirm(accountId, id, step, at, tx) {
      const { rows } = await tx.query<TotpRecord>(
        `update totp_authenticators set expires_at = null, last_step = $3, last_used_at = $4
         where account_id = $1 and id = $2 and expires_at > $4 returning ${COLUMNS}`,
        [accountId, id, step, at],
      );
      return rows[0] ?? null;
    },
    async list(accountId) {
      const { rows } = await pool.query<TotpRecord>(
        `select ${COLUMNS} from totp_authenticators where account_id = $1 and expires_at is null order by created_at, id`,
        [accountId],
      );
      return rows;
    },
    async secrets(accountId) {
      const { rows } = await pool.query<{ id: string; secret: Buffer }>({
        name: 'totp_secrets',
        text: 'select id, secret from totp_authenticators where account_id = $1 and expires_at is null',
        values: [accountId],
      });
      return rows.map(({ id, secret }) => ({ id, secret: secrets.open(PURPOSE, secret) }));
    },
    async useStep(id, step, at, tx) {
      const { rows } = await tx.query(
        `update totp_authenticators set last_step = $2, last_used_at = $3 where id = $1 and last_step < $2 returning id`,
        [id, step, at],
      );
      return rows.length === 1;
    },
    async isLastStep(id, step) {
      const { rowCount } = await pool.query(
        'select from totp_authenticators where id = $1 and last_step = $2',
        [id, step],
      );
      return rowCount === 1;
    },
    async rename(accountId, id, name) {
      const { rows } = await pool.query<TotpRecord>(
        `update totp_authenticators set name = $3 where ${MINE} returning ${COLUMNS}`,
        [accountId, id, name],
      );
      return rows[0] ?? null;
    },
    async delete(accountId, id, tx) {
      const { rows } = await tx.query<TotpRecord>(
        `delete from totp_authenticators where ${MINE} returning ${COLUMNS}`,
        [accountId, id],
      );
      return rows[0] ?? null;
    },
  };
}
