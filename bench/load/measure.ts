import { setTimeout as sleep } from 'node:timers/promises';
import { cpuTime, processTree, residentMemory } from './usage.ts';

export type Operation = () => Promise<void>;

/** What one turn was like. */
export interface Measurement {
  operations: number;
  /** Operations a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** The server's own CPU time for one operation, all threads and workers: microseconds. */
  cpu: number;
  /** The largest resident memory seen of its largest process: bytes. */
  rss: number;
}

const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Begins operation number n at n/rate seconds; one that finds no free connection in time begins late, and that counts. */
function schedule(rate: number | null): () => Promise<number> {
  if (rate === null) return async () => performance.now();
  const start = performance.now();
  let next = 0;
  return async () => {
    const due = start + (next++ * 1000) / rate;
    const early = due - performance.now();
    if (early <= 0) return due;
    await sleep(early);
    return performance.now();
  };
}

/** Runs one server's operations, turn after turn, and tells what each turn took. */
export class Meter {
  readonly #operations: Operation[];
  readonly #pids: number[];
  /** @param pid the server's process; what its children use is its own. */
  constructor(operations: Operation[], pid: number) {
    this.#operations = operations;
    this.#pids = processTree(pid);
  }

  /**
   * Runs each operation over and over for so many seconds, all of them side by side, and waits for the last.
   * @param rate operations a second for all together; null: each begins when the one before it is answered.
   * @throws what the first failing operation throws.
   */
  async run(seconds: number, rate: number | null): Promise<Measurement> {
    const latencies: number[] = [];
    let rss = 0;
    const sampleMemory = () => {
      rss = Math.max(rss, residentMemory(this.#pids));
    };
    const before = cpuTime(this.#pids);
    const start = performance.now();
    const end = start + seconds * 1000;
    const begin = schedule(rate);
    const sampling = setInterval(sampleMemory, 100);
    try {
      await Promise.all(
        this.#operations.map(async (operation) => {
          while (performance.now() < end) {
            const began = await begin();
            await operation();
            latencies.push(performance.now() - began);
          }
        }),
      );
    } finally {
      clearInterval(sampling);
    }
    const cpu = cpuTime(this.#pids) - before;
    const milliseconds = performance.now() - start;
    sampleMemory();
    const sorted = Float64Array.from(latencies).sort();
    return {
      operations: sorted.length,
      rate: (sorted.length / milliseconds) * 1000,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      cpu: cpu / sorted.length,
      rss,
    };
  }
}
