import { loadavg } from 'node:os';
import type { Measurement } from './load/measure.ts';
import type { Variant } from './plan.ts';

export type Metric = keyof Measurement;
/** What was measured: one scenario on one server. */
export type Source = `${string}/${Variant}`;

/** The middle of what was measured, and the half of it that lies around. */
export interface Spread {
  low: number;
  median: number;
  high: number;
}

/** Null: nothing was measured. */
export function spreadOf(values: number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = (sorted.length - 1) * share;
    const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return below + (above - below) * (place % 1);
  };
  return { low: at(0.25), median: at(0.5), high: at(0.75) };
}

/** Everything measured, one entry a turn. Null stands for what was not measured in this run. */
export class Results {
  /** Of the last minute: other work on the machine spoils rates and latencies. */
  readonly loadBefore = loadavg()[0]!;
  readonly measurements = new Map<Source, Measurement[]>();
  /** Numbers that are no load: times to ready, idle memory. */
  readonly facts = new Map<string, number[]>();

  add(source: Source, turns: Measurement[]): void {
    this.measurements.set(source, [...this.#of(source), ...turns]);
  }

  addFact(name: string, value: number): void {
    this.facts.set(name, [...(this.facts.get(name) ?? []), value]);
  }

  spread(source: Source, metric: Metric): Spread | null {
    return spreadOf(this.#of(source).map((turn) => turn[metric]));
  }

  /** The ratios within each turn: what disturbed a turn disturbed both. */
  ratio(source: Source, base: Source, metric: Metric): Spread | null {
    const bases = this.#of(base);
    return spreadOf(
      this.#of(source).flatMap((turn, n) => (bases[n] ? [turn[metric] / bases[n][metric]] : [])),
    );
  }

  /** @param divisor makes another unit of it. */
  fact(name: string, divisor = 1): Spread | null {
    return spreadOf((this.facts.get(name) ?? []).map((value) => value / divisor));
  }

  /** The largest memory that a variant had in any turn: bytes. */
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
