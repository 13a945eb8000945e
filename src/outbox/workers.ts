/**
 * Repeats `step` with up to `limit` concurrent workers until nothing is left to do. A worker that finds work wakes
 * another before it does it.
 */
export class Workers {
  readonly #limit: number;
  readonly #step: (found: () => void) => Promise<boolean>;
  readonly #running = new Set<Promise<void>>();
  #calls = 0;
  #isStopped = false;

  /** @param step calls `found` when there is something to do, and returns whether there was. Never rejects. */
  constructor(limit: number, step: (found: () => void) => Promise<boolean>) {
    this.#limit = limit;
    this.#step = step;
  }

  /** Wakes the workers. */
  call(): void {
    this.#calls += 1;
    if (this.#isStopped || this.#running.size >= this.#limit) return;
    const worker = this.#work().finally(() => this.#running.delete(worker));
    this.#running.add(worker);
  }

  /** Waits for steps under way, and starts no other. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      const calls = this.#calls;
      const wasBusy = await this.#step(() => this.call());
      // A call during the check may announce work that the check missed.
      if (!wasBusy && calls === this.#calls) return;
    }
  }
}
