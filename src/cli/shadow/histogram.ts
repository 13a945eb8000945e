/** The growth factor of bucket bounds, which is the precision of a percentile. */
const RATIO = 1.12;
const MIN_MILLISECONDS = 0.02;
const BUCKETS = 140;

/** A histogram of milliseconds with a fixed number of buckets. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  count = 0;

  /** @param buckets those of an earlier histogram's JSON. */
  constructor(buckets: readonly (readonly [bucket: number, count: number])[] = []) {
    for (const [bucket, count] of buckets) {
      if (bucket >= BUCKETS) continue;
      this.#counts[bucket] = count;
      this.count += count;
    }
  }

  add(milliseconds: number): void {
    const bucket = Math.ceil(
      Math.log(Math.max(milliseconds, MIN_MILLISECONDS) / MIN_MILLISECONDS) / Math.log(RATIO),
    );
    this.#counts[Math.min(bucket, BUCKETS - 1)]! += 1;
    this.count += 1;
  }

  /** The percentile of `share`, rounded up to its bucket's bound; null when empty. */
  percentile(share: number): number | null {
    if (this.count === 0) return null;
    let left = Math.ceil(this.count * share);
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Number((MIN_MILLISECONDS * RATIO ** bucket).toPrecision(3));
    }
    return null;
  }

  toJSON() {
    const buckets = [...this.#counts.entries()].filter(([, count]) => count > 0);
    return { p50: this.percentile(0.5), p99: this.percentile(0.99), buckets };
  }
}
