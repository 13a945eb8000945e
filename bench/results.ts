import { loadavg } from 'node:os';
import type { Measurement } from './load/measure.ts';
import type { Variant } from './plan.ts';

export type Metric = keyof Measurement;
/** What was measured: one scenario on one server. */
export type Source = `${string}/${Variant}`;

const median = (values: number[]): number | null => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Everything measured, one entry a round. Null stands for what was not measured in this run. */
export class Results {
  /** Of the last minute: other work on the machine spoils rates and latencies. */
  readonly loadBefore = loadavg()[0]!;
  readonly measurements = new Map<Source, Measurement[]>();
  /** Numbers that are no load: times to ready, idle memory. */
  readonly facts = new Map<string, number[]>();

  add(source: Source, measurement: Measurement): void {
    this.measurements.set(source, [...this.#of(source), measurement]);
  }

  addFact(name: string, value: number): void {
    this.facts.set(name, [...(this.facts.get(name) ?? []), value]);
  }

  median(source: Source, metric: Metric): number | null {
    return median(this.#of(source).map((measurement) => measurement[metric]));
  }

  /** The median over rounds of the ratio within a round: what disturbed a round disturbed both. */
  ratio(source: Source, base: Source, metric: Metric): number | null {
    const bases = this.#of(base);
    return median(
      this.#of(source).flatMap((m, round) => (bases[round] ? [m[metric] / bases[round][metric]] : [])),
    );
  }

  fact(name: string): number | null {
    return median(this.facts.get(name) ?? []);
  }

  /** The largest memory that a variant had in any step: bytes. */
  peakMemory(variant: Variant): number | null {
    const all = [...this.measurements].flatMap(([source, list]) =>
      source.endsWith(`/${variant}`) ? list.map(({ rss }) => rss) : [],
    );
    return all.length === 0 ? null : Math.max(...all);
  }

  #of(source: Source): Measurement[] {
    return this.measurements.get(source) ?? [];
  }
}
