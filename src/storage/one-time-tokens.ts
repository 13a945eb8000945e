import type { Pool } from 'pg';
import type { Clock } from '../core/clock.ts';
import { randomToken, sha256 } from '../core/ids.ts';
import type { Tx } from './postgres/transaction.ts';

/** What a token is for: it serves for nothing else. */
type TokenPurpose = 'verify-email' | 'reset-password' | 'undo' | 'sign-in';

interface NewOneTimeToken<Payload> {
  purpose: TokenPurpose;
  accountId: string;
  payload: Payload;
  /** Seconds. */
  ttl: number;
  /** Whether the account's older tokens of this purpose stay valid. They end unless this is set. */
  keepOlder?: boolean;
}

interface OneTimeToken<Payload> {
  accountId: string;
  payload: Payload;
}

export interface OneTimeTokens {
  /** @returns the token: 24 characters, 144 bits of randomness, short enough that no mail program breaks its link. */
  create<Payload extends object>(token: NewOneTimeToken<Payload>, tx: Tx): Promise<string>;
  /** What a token stands for, without using it up; null when it is unknown, of another purpose, used or expired. */
  peek<Payload>(purpose: TokenPurpose, token: string): Promise<OneTimeToken<Payload> | null>;
  /** Uses a token up, in one statement: of any number of tries whose transactions commit, one gets it. */
  consume<Payload>(purpose: TokenPurpose, token: string, tx: Tx): Promise<OneTimeToken<Payload> | null>;
  /** What the account's tokens for this purpose stand for that have not expired. */
  listOf<Payload>(accountId: string, purpose: TokenPurpose, tx: Tx): Promise<Payload[]>;
  /** Ends every token of the account for this purpose. @param since those whose payload says `at` no earlier (ISO 8601). */
  deleteOf(accountId: string, purpose: TokenPurpose, tx: Tx, since?: string): Promise<void>;
}

const BYTES = 18;

/** One-time tokens in PostgreSQL, by hash. */
export function createOneTimeTokens({ pool, clock }: { pool: Pool; clock: Clock }): OneTimeTokens {
  const found = `where hash = $1 and purpose = $2 and expires_at > to_timestamp($3::float8 / 1000)`;
  const columns = 'account_id as "accountId", payload';
  const deleteOf = async (accountId: string, purpose: TokenPurpose, tx: Tx, since: string | null = null) => {
    await tx.query(
      `delete from one_time_tokens
       where account_id = $1 and purpose = $2 and ($3::text is null or payload ->> 'at' >= $3)`,
      [accountId, purpose, since],
    );
  };
  return {
    async create({ purpose, accountId, payload, ttl, keepOlder = false }, tx) {
      if (!keepOlder) await deleteOf(accountId, purpose, tx);
      const token = randomToken(BYTES);
      await tx.query(
        `insert into one_time_tokens (hash, purpose, account_id, payload, expires_at)
         values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000))`,
        [sha256(token), purpose, accountId, JSON.stringify(payload), clock.now() + ttl * 1000],
      );
      return token;
    },
    async peek<Payload>(purpose: TokenPurpose, token: string) {
      const { rows } = await pool.query<OneTimeToken<Payload>>(
        `select ${columns} from one_time_tokens ${found}`,
        [sha256(token), purpose, clock.now()],
      );
      return rows[0] ?? null;
    },
    async consume<Payload>(purpose: TokenPurpose, token: string, tx: Tx) {
      const { rows } = await tx.query<OneTimeToken<Payload>>(
        `delete from one_time_tokens ${found} returning ${columns}`,
        [sha256(token), purpose, clock.now()],
      );
      return rows[0] ?? null;
    },
    async listOf<Payload>(accountId: string, purpose: TokenPurpose, tx: Tx) {
      const { rows } = await tx.query<{ payload: Payload }>(
        `select payload from one_time_tokens
         where account_id = $1 and purpose = $2 and expires_at > to_timestamp($3::float8 / 1000)`,
        [accountId, purpose, clock.now()],
      );
      return rows.map(({ payload }) => payload);
    },
    deleteOf,
  };
}
