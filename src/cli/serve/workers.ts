import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerMetrics } from '../../http/ops/cluster-metrics.ts';
import type { Logger } from '../../core/logger.ts';
import { StartupError } from '../../core/errors.ts';
import type { Assignment } from '../../main.ts';
import type { Admin, FromWorker, ToWorker } from './process.ts';

/** Milliseconds before a dead worker is replaced, doubled each time until one has run for a while. */
const BACKOFF = { first: 500, last: 30_000, forgottenAfter: 60_000 };

/** The primary process: runs workers that share one port. */
export class Workers {
  readonly #assignment: Assignment;
  readonly #logger: Logger;
  #failures = 0;
  #isDraining = false;

  constructor(assignment: Assignment, logger: Logger) {
    this.#assignment = assignment;
    this.#logger = logger;
    answerMetrics();
  }

  /**
   * Starts `count` workers and waits until all serve. Replaces workers that die later.
   * @returns the first administrator, when a worker created one.
   * @throws StartupError when one cannot start.
   */
  async start(count: number): Promise<Admin | null> {
    const workers = Array.from({ length: count }, () => this.#fork());
    const admins = await Promise.all(workers.map(ready));
    for (const worker of workers) this.#watch(worker);
    return admins.find((admin) => admin !== null) ?? null;
  }

  /** Drains and stops all workers. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    const exits = workers.map(ended);
    // New connections go to any worker that still accepts them. Drain only after all have closed, so that none is
    // handed to a closing worker and lost.
    const closed = workers.map((worker) => told(worker, 'postern:closed'));
    for (const worker of workers) worker.send({ type: 'postern:close' } satisfies ToWorker);
    await Promise.all(closed.map((one, index) => Promise.race([one, exits[index]])));
    for (const worker of workers) worker.send({ type: 'postern:drain' } satisfies ToWorker);
    await Promise.all(exits);
  }

  #fork(): Worker {
    const worker = cluster.fork();
    // Send secrets over this channel: other users could read the environment or the arguments.
    worker.send({ type: 'postern:serve', ...this.#assignment } satisfies ToWorker);
    // The worker may have died just now.
    worker.on('error', (error) => this.#logger.debug({ err: error }, 'a worker cannot be reached'));
    return worker;
  }

  #watch(worker: Worker): void {
    const startedAt = performance.now();
    const replace = (code: number, signal: string) => {
      if (performance.now() - startedAt > BACKOFF.forgottenAfter) this.#failures = 0;
      if (!this.#isDraining) void this.#replace({ worker: worker.process.pid, exitCode: code, signal });
    };
    if (worker.isDead()) replace(worker.process.exitCode ?? 0, '');
    else worker.once('exit', replace);
  }

  async #replace(died: Record<string, unknown>): Promise<void> {
    const wait = Math.min(BACKOFF.first * 2 ** this.#failures, BACKOFF.last);
    this.#failures += 1;
    this.#logger.error({ ...died, restartIn: wait }, 'a worker died');
    await sleep(wait);
    if (this.#isDraining) return;
    const worker = this.#fork();
    this.#watch(worker);
    await ready(worker).then(
      () => this.#logger.info({ worker: worker.process.pid }, 'a worker was started in its place'),
      (error: Error) => this.#logger.error({ reason: error.message }, 'a worker could not start'),
    );
  }
}

/** Resolves with the worker's first message of a type. */
function told<Type extends FromWorker['type']>(
  worker: Worker,
  type: Type,
): Promise<Extract<FromWorker, { type: Type }>> {
  return new Promise((resolve) => {
    worker.on('message', (message: FromWorker) => {
      if (message.type === type) resolve(message as Extract<FromWorker, { type: Type }>);
    });
  });
}

/** Resolves when the worker has exited. */
const ended = (worker: Worker): Promise<void> =>
  new Promise((resolve) => {
    if (worker.isDead()) resolve();
    worker.once('exit', () => resolve());
  });

/** Waits until the worker serves. @throws StartupError with the worker's reason when it exits first. */
function ready(worker: Worker): Promise<Admin | null> {
  let reason = 'A worker ended while it was starting.';
  void told(worker, 'postern:failed').then((failed) => (reason = failed.reason));
  return new Promise((resolve, reject) => {
    void told(worker, 'postern:ready').then(({ firstAdmin }) => resolve(firstAdmin));
    // Wait for 'disconnect', not 'exit': by then every message of the worker has been received.
    worker.once('disconnect', () => reject(new StartupError(reason)));
  });
}
