import type { Pool } from 'pg';
import type { SharedClock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';

/** Milliseconds between two measurements. */
const INTERVAL = 10_000;

/** Milliseconds of clock skew: the largest that is not logged, and the largest allowed. */
const UNNOTICED = 5_000;
const TOLERATED = 30_000;

const TIME = {
  name: 'database_clock',
  text: 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now',
};

export interface DatabaseClock extends SharedClock {
  /** Measures every ten seconds until `stop`. */
  start(): void;
  stop(): void;
}

/**
 * The time of PostgreSQL, which all nodes share, so that expiry, sweeping and grace periods are the same on every
 * node. Measured every ten seconds; in between the monotonic clock of this process carries it on. Logs once when the
 * machine's clock differs, and once when it agrees again.
 * @throws PostgreSQL's error when it cannot be reached: without the time nothing starts.
 */
export async function createDatabaseClock(pool: Pool, logger: Logger): Promise<DatabaseClock> {
  let time = { theirs: Date.now(), at: performance.now() };
  let logged: 'right' | 'off' | 'astray' = 'right';
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
    // A difference within the round trip is noise.
    const known = time.theirs + at - time.at;
    if (isFirst || Math.abs(known - theirs) > (answered - asked) / 2) time = { theirs, at };
  };

  const say = (): void => {
    const seconds = Math.round(skew() / 100) / 10;
    const state = isFar() ? 'astray' : Math.abs(skew()) > UNNOTICED ? 'off' : 'right';
    if (state === logged) return;
    logged = state;
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
      // The last measurement stays in use.
      .catch((error: unknown) => logger.debug({ err: error }, 'the time of the database could not be read'))
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
      // The database's clock may have been set, or this process suspended.
      await compare();
      return isFar();
    },
    start() {
      timer = setInterval(() => void compare(), INTERVAL).unref();
    },
    stop: () => clearInterval(timer),
  };
}
