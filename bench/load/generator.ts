/** The process that makes the load: takes one job at a time from its parent and answers with what it measured. */
import { Connection } from '../client/connection.ts';
import type { Target } from '../client/target.ts';
import { scenarios, type ScenarioName } from '../scenarios/index.ts';
import { type Measurement, Meter } from './measure.ts';

export interface Job {
  /** What is compared with one another. */
  loads: { scenario: ScenarioName; target: Target }[];
  /** Operations a second; null: as many as are answered. */
  rate: number | null;
  /** Seconds of each load before anything is counted. */
  warmUp: number;
  /** The loads take so many turns, of so many seconds each: other work on the machine meets them alike. */
  turns: number;
  seconds: number;
  connections: number;
}

/** The measurements of each load, in their order: one a turn. */
export type Answer = { measurements: Measurement[][] } | { error: string };

async function run({ loads, rate, warmUp, turns, seconds, connections }: Job): Promise<Measurement[][]> {
  await using open = new AsyncDisposableStack();
  const meters: Meter[] = [];
  for (const { scenario, target } of loads) {
    const operations = await Promise.all(
      Array.from({ length: connections }, async (_, index) => {
        const connection = new Connection(target);
        open.defer(async () => connection.close());
        return scenarios[scenario](target, connection, index);
      }),
    );
    const meter = new Meter(operations, target.pid);
    await meter.run(warmUp, rate);
    meters.push(meter);
  }
  const measured = meters.map((): Measurement[] => []);
  const order = [...meters.keys()];
  for (let turn = 0; turn < turns; turn++) {
    // Forth and back: nobody always comes after the same neighbour.
    for (const index of turn % 2 === 0 ? order : order.toReversed()) {
      measured[index]!.push(await meters[index]!.run(seconds, rate));
    }
  }
  return measured;
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
