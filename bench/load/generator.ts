/** The process that makes the load: takes one job at a time from its parent and answers with what it measured. */
import { Connection } from '../client/connection.ts';
import type { Target } from '../client/target.ts';
import { scenarios, type ScenarioName } from '../scenarios/index.ts';
import { CONNECTIONS } from '../scenarios/scenario.ts';
import { type Measurement, Meter } from './measure.ts';

/** Seconds that one load of several runs before the next one has its turn: other work on the machine meets them alike. */
const SLICE = 0.5;

export interface Job {
  /** What is compared with one another. */
  loads: { scenario: ScenarioName; target: Target }[];
  /** Operations a second; null: as many as are answered. */
  rate: number | null;
  /** Seconds of each load before anything is counted, and seconds that count. */
  warmUp: number;
  seconds: number;
}

/** One measurement for each load, in their order. */
export type Answer = { measurements: Measurement[] } | { error: string };

async function run({ loads, rate, warmUp, seconds }: Job): Promise<Measurement[]> {
  await using open = new AsyncDisposableStack();
  const meters: Meter[] = [];
  for (const { scenario, target } of loads) {
    const operations = await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, index) => {
        const connection = new Connection(target);
        open.defer(async () => connection.close());
        return scenarios[scenario](target, connection, index);
      }),
    );
    const meter = new Meter(operations, target.pid);
    await meter.run(warmUp, rate);
    meter.reset();
    meters.push(meter);
  }
  const slices = meters.length === 1 ? 1 : Math.round(seconds / SLICE);
  for (let slice = 0; slice < slices; slice++) {
    for (const meter of meters) await meter.run(seconds / slices, rate);
  }
  return meters.map(({ measurement }) => measurement);
}

process.on('message', (job: Job) => {
  run(job)
    .then(
      (measurements): Answer => ({ measurements }),
      (error: unknown): Answer => ({
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    )
    .then((answer) => process.send?.(answer))
    .catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
});
