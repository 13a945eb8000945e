/** The load generator process: takes one job at a time from its parent and replies with its measurements. */
import { Connection } from '../client/connection.ts';
import type { Target } from '../client/target.ts';
import { scenarios, type ScenarioName } from '../scenarios/index.ts';
import { type Measurement, Meter } from './measure.ts';

export interface Job {
  /** What is compared with one another. */
  loads: { scenario: ScenarioName; target: Target }[];
  /** Operations a second; null: as fast as the server replies. */
  rate: number | null;
  /** Warm-up seconds of each load. */
  warmUp: number;
  /** Number and seconds of the turns. Loads take turns so that other work on the machine affects all of them equally. */
  turns: number;
  seconds: number;
  connections: number;
}

/** Measurements by load, in the order of the loads: one per turn. */
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
    // Alternate the direction, so that no load always follows the same one.
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
