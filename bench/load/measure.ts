import { setTimeout as sleep } from 'node:timers/promises';
import { cpuTime, processTree, residentMemory } from './usage.ts';

export type Operation = () => Promise<void>;

/** Measurements of one turn. */
export interface Measurement {
  operations: number;
  /** Operations a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** The server's CPU time per operation over all threads and workers: microseconds. */
  cpu: number;
  /** Peak resident memory of its largest process: bytes. */
  rss: number;
}

const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Schedules operation n at n/rate seconds. Waiting for a free connection counts as latency. */
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

/** Runs one server's operations turn after turn and returns each turn's measurements. */
export class Meter {
  readonly #operations: Operation[];
  readonly #pids: number[];
  /** @param pid the server's process; the usage of its children is included. */
  constructor(operations: Operation[], pid: number) {
    this.#operations = operations;
    this.#pids = processTree(pid);
  }

  /**
   * Repeats the operations in parallel for the given seconds and waits for the last reply.
   * @param rate operations a second in total; null: each starts when the previous one is answered.
   * @throws the error of the first operation that fails.
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
