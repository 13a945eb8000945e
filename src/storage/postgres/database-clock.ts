import type { Pool } from 'pg';
import type { SharedClock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';

/** Milliseconds between two comparisons. */
const INTERVAL = 10_000;

/** Milliseconds by which this machine's clock may be off: unnoticed, and at all. */
const UNNOTICED = 5_000;
const TOLERATED = 30_000;

const TIME = {
  name: 'database_clock',
  text: 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now',
};

export interface DatabaseClock extends SharedClock {
  /** Compares again and again, until it is stopped. */
  start(): void;
  stop(): void;
}

/**
 * The time of PostgreSQL, which all nodes have in common: what expires, is swept or falls within a grace is decided by it on
 * every node alike. It is asked for now and then; in between it goes on by this process' steady clock, which nobody sets.
 * That the machine's own clock differs is said in the log, once, and when it is right again.
 * @throws what PostgreSQL says when it cannot be asked: without the time nothing starts.
 */
export async function createDatabaseClock(pool: Pool, logger: Logger): Promise<DatabaseClock> {
  let time = { theirs: Date.now(), at: performance.now() };
  let said: 'right' | 'off' | 'astray' = 'right';
  let comparing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const now = () => Math.round(time.theirs + performance.now() - time.at);
  const skew = () => Date.now() - now();
  const isFar = () => Math.abs(skew()) > TOLERATED;

  const measure = async (isFirst: boolean): Promise<void> => {
    const asked = performance.now();
    const { rows } = await pool.query<{ now: number }>(TIME);
    const answered = performance.now();
    const at = (asked + answered) / 2;
    const theirs = rows[0]?.now ?? Date.now();
    // What lies within the way there and back is no difference.
    const known = time.theirs + at - time.at;
    if (isFirst || Math.abs(known - theirs) > (answered - asked) / 2) time = { theirs, at };
  };

  const say = (): void => {
    const seconds = Math.round(skew() / 100) / 10;
    const state = isFar() ? 'astray' : Math.abs(skew()) > UNNOTICED ? 'off' : 'right';
    if (state === said) return;
    said = state;
    const details = { secondsAhead: seconds };
    if (state === 'right') logger.info(details, "this machine's clock agrees with the database's again");
    else if (state === 'off') logger.warn(details, "this machine's clock differs from the database's");
    else
      logger.error(
        details,
        "this machine's clock differs so much from the database's that nothing is signed until it is corrected",
      );
  };

  const compare = (): Promise<void> => {
    comparing ??= measure(false)
      // Then the time goes on as it was known.
      .catch((error: unknown) => logger.debug({ err: error }, 'the time of the database was not learnt'))
      .then(say)
      .finally(() => {
        comparing = undefined;
      });
    return comparing;
  };

  await measure(true);
  say();

  return {
    now,
    skew,
    async isAstray() {
      if (!isFar()) return false;
      // The database may have been set, or this process have been asleep.
      await compare();
      return isFar();
    },
    start() {
      timer = setInterval(() => void compare(), INTERVAL).unref();
    },
    stop: () => clearInterval(timer),
  };
}
