import { type Difference, type Observed, redacted } from './compare.ts';
import { Histogram } from './histogram.ts';
import type { SavedReport } from './saved.ts';

/** Maximum kinds of difference kept, each with one example. */
const MAX_DIFFERENCES = 500;

/** Why a request was not repeated, or its reply not compared. */
export type Reason =
  | 'changes something'
  | 'no such operation'
  | 'no such path'
  | 'a large body'
  | 'too many at once'
  | 'a token from before'
  | 'Postern limits its rate'
  | 'Postern did not answer'
  | 'the old service did not answer'
  | 'a conditional request';

interface Found extends Difference {
  operation: string;
  endpoint: string;
  count: number;
  first_at: string;
  last_at: string;
  example: { request: string; old: unknown; postern: unknown };
}

interface Outage {
  requests: number;
  since: string;
  last_at: string;
  error: string;
}

interface OperationFindings {
  operation: string;
  endpoint: string;
  requests: number;
  compared: number;
  differing: number;
  old: Histogram;
  postern: Histogram;
}

/** The identity of an operation in the contract. */
export interface Asked {
  operation: string;
  endpoint: string;
}

/** The findings of a shadow, in bounded memory. */
export class Findings {
  readonly #since: string;
  readonly #operations: Map<string, OperationFindings>;
  readonly #differences: Map<string, Found>;
  readonly #skipped: Map<string, number>;
  readonly #added: Histogram;
  readonly #down: { old: Outage | null; postern: Outage | null };
  #omitted: number;
  #requests: number;

  /** @param saved the report of an earlier run to continue. */
  constructor(saved: SavedReport | null = null) {
    this.#since = saved?.since ?? new Date().toISOString();
    this.#operations = new Map(
      saved?.operations.map((one) => [
        one.operation,
        { ...one, old: new Histogram(one.old.buckets), postern: new Histogram(one.postern.buckets) },
      ]),
    );
    this.#differences = new Map(saved?.differences.map((one) => [keyOf(one, one), one]));
    this.#skipped = new Map(Object.entries(saved?.not_compared ?? {}));
    this.#added = new Histogram(saved?.added_latency_ms.buckets);
    this.#down = { old: saved?.old_down ?? null, postern: saved?.postern_down ?? null };
    this.#omitted = saved?.differences_omitted ?? 0;
    this.#requests = saved?.requests ?? 0;
  }

  request(asked: Asked | null): void {
    this.#requests += 1;
    if (asked) this.#of(asked).requests += 1;
  }

  skip(reason: Reason): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
  }

  /** @param milliseconds the proxy's own time, without the old service's. */
  added(milliseconds: number): void {
    this.#added.add(milliseconds);
  }

  oldAnswered(asked: Asked | null, milliseconds: number): void {
    if (asked) this.#of(asked).old.add(milliseconds);
  }

  /** Records a server that did not answer. @param error its code or message. */
  down(who: 'old' | 'postern', error: string): void {
    const now = new Date().toISOString();
    const before = this.#down[who];
    this.#down[who] = {
      requests: (before?.requests ?? 0) + 1,
      since: before?.since ?? now,
      last_at: now,
      error,
    };
    this.skip(who === 'old' ? 'the old service did not answer' : 'Postern did not answer');
  }

  compared(
    asked: Asked,
    { old, postern, milliseconds }: { old: Observed; postern: Observed; milliseconds: number },
    differences: Difference[],
  ): void {
    const one = this.#of(asked);
    one.compared += 1;
    one.postern.add(milliseconds);
    if (differences.length > 0) one.differing += 1;
    for (const difference of differences) this.#note(asked, difference, old, postern);
  }

  #note(asked: Asked, difference: Difference, old: Observed, postern: Observed): void {
    const now = new Date().toISOString();
    const key = keyOf(asked, difference);
    const known = this.#differences.get(key);
    if (known) {
      known.count += 1;
      known.last_at = now;
      return;
    }
    if (this.#differences.size >= MAX_DIFFERENCES) {
      this.#omitted += 1;
      return;
    }
    const shown = ({ status, json }: Observed) => ({ status, body: redacted(json) });
    const example = { request: asked.endpoint, old: shown(old), postern: shown(postern) };
    const { operation, endpoint } = asked;
    this.#differences.set(key, {
      operation,
      endpoint,
      ...difference,
      count: 1,
      first_at: now,
      last_at: now,
      example,
    });
  }

  #of({ operation, endpoint }: Asked): OperationFindings {
    const known = this.#operations.get(operation);
    if (known) return known;
    const none = { requests: 0, compared: 0, differing: 0, old: new Histogram(), postern: new Histogram() };
    const one = { operation, endpoint, ...none };
    this.#operations.set(operation, one);
    return one;
  }

  /** All findings, for a report. @param where the contract and both servers. */
  report(where: { door: string; old: string; postern: string }) {
    const operations = [...this.#operations.values()];
    const sum = (field: 'compared' | 'differing') => operations.reduce((total, one) => total + one[field], 0);
    return {
      ...where,
      since: this.#since,
      until: new Date().toISOString(),
      requests: this.#requests,
      compared: sum('compared'),
      differing: sum('differing'),
      not_compared: Object.fromEntries(this.#skipped),
      old_down: this.#down.old,
      postern_down: this.#down.postern,
      added_latency_ms: this.#added.toJSON(),
      operations: operations.map((one) => ({ ...one, old: one.old.toJSON(), postern: one.postern.toJSON() })),
      differences: [...this.#differences.values()].sort((a, b) => b.count - a.count),
      differences_omitted: this.#omitted,
    };
  }
}

const keyOf = ({ operation }: Asked, { kind, at, old, postern }: Difference): string =>
  [operation, kind, at, old, postern].join('\0');

export type ShadowReport = ReturnType<Findings['report']>;
