import { AsyncLocalStorage } from 'node:async_hooks';

/** Milliseconds between two looks at who waits. */
const INTERVAL = 250;

/** Milliseconds after which work that a request has begun counts as work of its own, even if no reply was sent. */
const LIFE = 120_000;

/**
 * How long one request waits for the database in all. Each statement has a timeout of its own; this one is of their sum, so that
 * a database that answers each of them slowly is an outage to the client (503), and the request doesn't hold its
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
 * @param limit milliseconds of all its statements. Those that run at the same time count once.
 * @param isAnswered whether the reply has begun: from then on there is no limit.
 */
export function withPatience<T>(limit: number, isAnswered: () => boolean, work: () => T): T {
  timer ??= setInterval(() => {
    for (const patience of waiting) patience.check();
  }, INTERVAL).unref();
  return ambient.run(new Patience(limit, isAnswered), work);
}

/**
 * Counts a statement of the request under way.
 * @param giveUp ends it with an error. Called when the request has waited too long: at once where it had before.
 * @returns what to call when it has ended; undefined where no request is under way.
 */
export const waitingForStatement = (giveUp: () => void): (() => void) | undefined =>
  ambient.getStore()?.begin(giveUp);

/** Has `callback` belong to the request that is under way now, whoever calls it: it may wait in a line with those of others. */
export function inOwnPatience<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void {
  const captured = ambient.getStore();
  return (...args) => {
    if (ambient.getStore() === captured) callback(...args);
    // Types want a store; none is none.
    else ambient.run(captured as Patience, callback, ...args);
  };
}
