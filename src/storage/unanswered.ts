import type { Pool } from 'pg';
import type { Clock } from '../core/clock.ts';
import { CLAIM_TTL, isAnswer, pollUntilKnown, type Replies } from '../core/replies.ts';
import type { Secrets } from '../core/secrets.ts';
import { run } from './oidc/postgres-query.ts';
import type { Tx } from './postgres/transaction.ts';

/** What was done for requests whose reply may not have been sent: with the reply lost, the same request may come again. */
export interface Unanswered {
  /**
   * Notes in `tx` that what `key` stands for is used up. Once the reply has been sent it is forgotten.
   * @param key says what it is, and holds the secret itself: it is not stored.
   */
  note(key: string, accountId: string, tx: Tx): Promise<void>;
  /**
   * Takes what is used up and was not answered, to answer it now: of any number of parallel tries one does.
   * @returns the account that it was used for; null when there is nothing, or it was answered.
   * @throws DomainError unavailable while another request is being answered with it.
   */
  retake(key: string): Promise<string | null>;
  /** Whether there is something to retake, now or once it is known what became of another request. */
  has(key: string): Promise<boolean>;
}

interface Dependencies {
  pool: Pool;
  secrets: Secrets;
  clock: Clock;
  replies: Pick<Replies, 'after'>;
}

/** Milliseconds that something unanswered is kept. */
const KEPT = 3_600_000;

const time = (parameter: string): string => `to_timestamp(${parameter}::float8 / 1000)`;

const NOTE = `insert into unanswered (key, account_id, claimed_at, expires_at)
  values ($1, $2, ${time('$3')}, ${time(`($3::float8 + ${KEPT})`)})
  on conflict (key) do update set account_id = excluded.account_id, claimed_at = excluded.claimed_at,
    expires_at = excluded.expires_at`;

const RETAKE = {
  name: 'unanswered_retake',
  text: `update unanswered set claimed_at = ${time('$2')}
    where key = $1 and claimed_at <= ${time(`($2::float8 - ${CLAIM_TTL})`)} and expires_at > ${time('$2')}
    returning account_id as "accountId"`,
};
const IS_LEFT = {
  name: 'unanswered_is_left',
  text: `select from unanswered where key = $1 and expires_at > ${time('$2')}`,
};
const FORGET = { name: 'unanswered_forget', text: 'delete from unanswered where key = $1' };
const RELEASE = {
  name: 'unanswered_release',
  text: `update unanswered set claimed_at = '-infinity' where key = $1 and claimed_at = ${time('$2')}`,
};

/** In PostgreSQL: the note is part of the transaction that uses something up. */
export function createUnanswered({ pool, secrets, clock, replies }: Dependencies): Unanswered {
  const keyOf = (key: string) => secrets.mac('unanswered', key);
  const isLeft = async (key: string): Promise<boolean> =>
    (await run(pool, IS_LEFT, [key, clock.now()])).rowCount !== 0;
  const settle = (key: string, at: number): Promise<void> =>
    replies.after(async (status) => {
      await (isAnswer(status) ? run(pool, FORGET, [key]) : run(pool, RELEASE, [key, at]));
    });
  return {
    async note(name, accountId, tx) {
      const [key, at] = [keyOf(name), clock.now()];
      await tx.query(NOTE, [key, accountId, at]);
      tx.afterCommit(() => settle(key, at));
    },
    retake(name) {
      const key = keyOf(name);
      return pollUntilKnown(async () => {
        const at = clock.now();
        const { rows } = await run<{ accountId: string }>(pool, RETAKE, [key, at]);
        if (rows[0]) {
          await settle(key, at);
          return rows[0].accountId;
        }
        return (await isLeft(key)) ? undefined : null;
      });
    },
    has: (name) => isLeft(keyOf(name)),
  };
}
