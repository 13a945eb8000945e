import { loadavg } from 'node:os';
import type { Measurement } from './load/measure.ts';
import type { Variant } from './plan.ts';

export type Metric = keyof Measurement;
/** One scenario on one server. */
export type Source = `${string}/${Variant}`;

/** Median and interquartile range. */
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

/** All measurements, one entry per turn. Null: not measured in this run. */
export class Results {
  /** Load average of the last minute: other work on the machine distorts rates and latencies. */
  readonly loadBefore = loadavg()[0]!;
  readonly measurements = new Map<Source, Measurement[]>();
  /** Figures without a load: time to ready, idle memory. */
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

  /** Ratios per turn: a disturbance affects both sides of one. */
  ratio(source: Source, base: Source, metric: Metric): Spread | null {
    const bases = this.#of(base);
    return spreadOf(
      this.#of(source).flatMap((turn, n) => (bases[n] ? [turn[metric] / bases[n][metric]] : [])),
    );
  }

  /** @param divisor converts the unit. */
  fact(name: string, divisor = 1): Spread | null {
    return spreadOf((this.facts.get(name) ?? []).map((value) => value / divisor));
  }

  /** Peak memory of a variant over all turns: bytes. */
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
