import { AsyncLocalStorage } from 'node:async_hooks';

/** Milliseconds between two checks of the waiting requests. */
const INTERVAL = 250;

/** Milliseconds after which work started by a request counts as independent, even if no reply was sent. */
const LIFE = 120_000;

/**
 * How long one request waits for the database in total. Each statement has its own timeout; this one bounds their sum.
 * A database that answers each of them slowly then is an outage to the client (503), and the request doesn't hold its
 * connections for minutes.
 */
class Patience {
  readonly #isAnswered: () => boolean;
  readonly #startedAt = performance.now();
  readonly #running = new Set<() => void>();
  #left: number;
  #since = 0;

  constructor(limit: number, isAnswered: () => boolean) {
    this.#left = limit;
    this.#isAnswered = isAnswered;
  }

  get #isOver(): boolean {
    return this.#isAnswered() || performance.now() - this.#startedAt > LIFE;
  }

  begin(giveUp: () => void): () => void {
    if (this.#running.size === 0) {
      this.#since = performance.now();
      waiting.add(this);
    }
    this.#running.add(giveUp);
    if (this.#left <= 0 && !this.#isOver) giveUp();
    return () => {
      if (!this.#running.delete(giveUp) || this.#running.size > 0) return;
      this.#left -= performance.now() - this.#since;
      waiting.delete(this);
    };
  }

  check(): void {
    if (performance.now() - this.#since < this.#left || this.#isOver) return;
    for (const giveUp of this.#running) giveUp();
  }
}

const ambient = new AsyncLocalStorage<Patience>();
const waiting = new Set<Patience>();
let timer: NodeJS.Timeout | undefined;

/**
 * Runs `work` as the handling of a request.
 * @param limit milliseconds of all its statements. Concurrent statements count once.
 * @param isAnswered whether the reply has begun: from then on there is no limit.
 */
export function withPatience<T>(limit: number, isAnswered: () => boolean, work: () => T): T {
  timer ??= setInterval(() => {
    for (const patience of waiting) patience.check();
  }, INTERVAL).unref();
  return ambient.run(new Patience(limit, isAnswered), work);
}

/**
 * Counts a statement of the current request.
 * @param giveUp ends it with an error. Called when the request has waited too long: immediately if it already has.
 * @returns what to call when the statement has ended; undefined outside a request.
 */
export const waitingForStatement = (giveUp: () => void): (() => void) | undefined =>
  ambient.getStore()?.begin(giveUp);

/** Binds `callback` to the current request, whoever calls it: it may wait in a queue with those of other requests. */
export function inOwnPatience<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void {
  const captured = ambient.getStore();
  return (...args) => {
    if (ambient.getStore() === captured) callback(...args);
    // The type requires a store, but undefined is allowed.
    else ambient.run(captured as Patience, callback, ...args);
  };
}
