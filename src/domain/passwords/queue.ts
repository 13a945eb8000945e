import { DomainError } from '../../core/errors.ts';

/** Weight of the newest duration in the average. */
const WEIGHT = 0.2;

/** Work of which at most `concurrency` runs at a time and at most `limit` waits, first come first served. */
export class BoundedQueue {
  readonly #concurrency: number;
  readonly #limit: number;
  readonly #turns = new Set<() => void>();
  #running = 0;
  /** Milliseconds that one piece of work takes. */
  #average = 0;

  constructor(concurrency: number, limit: number) {
    this.#concurrency = concurrency;
    this.#limit = limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#turns.size;
  }

  /**
   * Runs `work` in turn.
   * @param signal aborts the wait; work that has begun is not stopped.
   * @throws DomainError overloaded, at once, when too many wait; the signal's reason when it aborts the wait.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running < this.#concurrency) this.#running += 1;
    else await this.#turn(signal);
    const start = performance.now();
    try {
      return await work();
    } finally {
      const took = performance.now() - start;
      this.#average += (took - this.#average) * (this.#average === 0 ? 1 : WEIGHT);
      this.#handOver();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.waiting >= this.#limit) {
      const seconds = ((this.waiting + this.#running) * this.#average) / this.#concurrency / 1000;
      throw new DomainError('overloaded', { retryAfter: Math.max(1, Math.ceil(seconds)) });
    }
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#turns.delete(begin);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#turns.add(begin);
    });
  }

  /** Gives the free place to the longest waiting caller. */
  #handOver(): void {
    const [begin] = this.#turns;
    if (begin) {
      this.#turns.delete(begin);
      begin();
    } else this.#running -= 1;
  }
}
