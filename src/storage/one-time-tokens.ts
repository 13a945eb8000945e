// raw-sql: a deletion decides who gets the token.
import { Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { randomToken, sha256 } from '../core/ids.ts';
import { recordOf } from './models/define.ts';
import { OneTimeToken, type TokenPurpose } from './models/tokens.ts';
import type { Tx } from './postgres/transaction.ts';

interface NewOneTimeToken<Payload> {
  purpose: TokenPurpose;
  accountId: string;
  payload: Payload;
  /** Seconds. */
  ttl: number;
  /** Keeps the account's older tokens of this purpose valid; they end by default. */
  keepOlder?: boolean;
}

/** The payload of a token. */
type Meaning<Payload> = Pick<OneTimeToken, 'accountId'> & { payload: Payload };

export interface OneTimeTokens {
  /** @returns the token: 24 characters, 144 bits of randomness, short enough that no mail program breaks its link. */
  create<Payload extends object>(token: NewOneTimeToken<Payload>, tx: Tx): Promise<string>;
  /** The payload of a token, which stays valid. Null when it is unknown, of another purpose, used or expired. */
  peek<Payload>(purpose: TokenPurpose, token: string): Promise<Meaning<Payload> | null>;
  /** Redeems a token in one statement. Of concurrent attempts one succeeds. */
  consume<Payload>(purpose: TokenPurpose, token: string, tx: Tx): Promise<Meaning<Payload> | null>;
  /** Payloads of the account's valid tokens for this purpose. */
  listOf<Payload>(accountId: string, purpose: TokenPurpose, tx: Tx): Promise<Payload[]>;
  /** Ends the account's tokens for this purpose. @param since only those whose payload has an `at` from then on (ISO 8601). */
  deleteOf(accountId: string, purpose: TokenPurpose, tx: Tx, since?: string): Promise<void>;
}

const BYTES = 18;

const record = recordOf(OneTimeToken, 'hash', 'purpose', 'expiresAt');

/** One statement: one of parallel attempts gets it. */
const CONSUME = `delete from one_time_tokens where hash = $1 and purpose = $2 and expires_at > $3
  returning ${record.columns}`;

/** One-time tokens in PostgreSQL, by hash. */
export function createOneTimeTokens(clock: Clock): OneTimeTokens {
  const unexpired = () => ({ [Op.gt]: new Date(clock.now()) });
  return {
    async create({ purpose, accountId, payload, ttl, keepOlder = false }, tx) {
      if (!keepOlder) await deleteOf(accountId, purpose, tx);
      const token = randomToken(BYTES);
      const expiresAt = new Date(clock.now() + ttl * 1000);
      await OneTimeToken.create(
        { hash: sha256(token), purpose, accountId, payload, expiresAt },
        { transaction: tx },
      );
      return token;
    },
    async peek<Payload>(purpose: TokenPurpose, token: string) {
      const found = await OneTimeToken.findOne({
        attributes: record.attributes,
        where: { hash: sha256(token), purpose, expiresAt: unexpired() },
      });
      return found && (record.from(found) as Meaning<Payload>);
    },
    async consume<Payload>(purpose: TokenPurpose, token: string, tx: Tx) {
      const { rows } = await tx.query<object>(CONSUME, [sha256(token), purpose, new Date(clock.now())]);
      return (record.read(rows)[0] as Meaning<Payload> | undefined) ?? null;
    },
    async listOf<Payload>(accountId: string, purpose: TokenPurpose, tx: Tx) {
      const found = await OneTimeToken.findAll({
        attributes: ['payload'],
        where: { accountId, purpose, expiresAt: unexpired() },
        transaction: tx,
      });
      return found.map(({ payload }) => payload as Payload);
    },
    deleteOf,
  };
}

async function deleteOf(accountId: string, purpose: TokenPurpose, tx: Tx, since?: string): Promise<void> {
  await OneTimeToken.destroy({
    where: { accountId, purpose, ...(since !== undefined && { payload: { at: { [Op.gte]: since } } }) },
    transaction: tx,
  });
}
