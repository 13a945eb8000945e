/** What clients notice of a fault: requests that fail, and for how long. */
import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.ts';

/** Milliseconds that a client waits after a refusal. */
const PAUSE = 100;

const FINE = 'fine';

/**
 * The outcome of a reply: `fine`, or its status, and whether a 503 lacks Retry-After.
 * @param expected the statuses that are fine.
 */
export const outcomeOf = (
  { status, headers }: { status: number; headers: Headers },
  expected: readonly number[] = [200],
): string => {
  if (expected.includes(status)) return FINE;
  return status === 503 && !headers.has('retry-after') ? '503 without Retry-After' : String(status);
};

/** Counts replies during a fault, and appends the figures to the file that FIGURES names. */
export class Watch {
  readonly #name: string;
  readonly #replies: { outcome: string; at: number; took: number }[] = [];
  #begun = Infinity;
  #ended = Infinity;

  constructor(name: string) {
    this.#name = name;
  }

  /** The fault begins. */
  begins(): void {
    this.#begun = performance.now();
  }

  /** Its cause is gone. */
  ends(): void {
    this.#ended = performance.now();
  }

  /** @param took milliseconds. */
  note(outcome: string, took = 0): void {
    this.#replies.push({ outcome, at: performance.now(), took });
  }

  /** Number of replies with an outcome. @param isLatest only since the fault began or, if it is over, ended. */
  count(outcome: string, isLatest = false): number {
    const changes = [this.#begun, this.#ended].filter((at) => at !== Infinity);
    const since = isLatest ? Math.max(-Infinity, ...changes) : -Infinity;
    return this.#replies.filter((reply) => reply.outcome === outcome && reply.at > since).length;
  }

  /** The outcomes so far. */
  get outcomes(): string[] {
    return [...new Set(this.#replies.map(({ outcome }) => outcome))].toSorted();
  }

  /** Reports the figures. @param more what else was measured. */
  async report(more = ''): Promise<void> {
    const { FIGURES: file } = process.env;
    if (file === undefined) return;
    const longest = Math.max(0, ...this.#replies.map(({ took }) => took));
    const failures = this.#replies.filter(({ outcome }) => outcome !== FINE);
    const seconds = (from: number, at: number | undefined) =>
      at === undefined || at < from ? '0' : ((at - from) / 1000).toFixed(1);
    const failed = this.outcomes
      .filter((outcome) => outcome !== FINE)
      .map((outcome) => `${this.count(outcome)}× ${outcome}`);
    const cells = [
      this.#name,
      String(this.#replies.length),
      failed.join(', ') || '0',
      this.#ended === Infinity ? '-' : `${seconds(this.#begun, this.#ended)} s`,
      failures.length === 0 ? '-' : `${seconds(this.#begun, failures[0]?.at)} s`,
      failures.length === 0 ? '-' : `${seconds(this.#ended, failures.at(-1)?.at)} s`,
      longest === 0 ? '-' : `${(longest / 1000).toFixed(1)} s`,
      more,
    ];
    await appendFile(file, `| ${cells.join(' | ')} |\n`);
  }
}

/**
 * Sends requests by 8 clients, each one after another, while `work` runs. @returns what they noticed.
 * @param request one request of a client. @returns its outcome.
 * @param work breaks something, calls `begins`, mends it, calls `ends`.
 */
export async function watchDuring(
  name: string,
  request: (client: number) => Promise<string>,
  work: (watch: Watch, answered: (count: number, outcome?: string) => Promise<void>) => Promise<void>,
): Promise<Watch> {
  const watch = new Watch(name);
  const on = { is: true };
  const loops = Promise.all(
    Array.from({ length: 8 }, async (_, client) => {
      while (on.is) {
        const sentAt = performance.now();
        const outcome = await request(client);
        watch.note(outcome, performance.now() - sentAt);
        if (outcome !== FINE) await sleep(PAUSE);
      }
    }),
  );
  // A failure ends the wait.
  loops.catch(() => (on.is = false));
  try {
    /** Waits for so many more replies of an outcome since the last change. */
    const answered = async (count: number, outcome = FINE) => {
      const before = watch.count(outcome, true);
      await until(() => !on.is || watch.count(outcome, true) >= before + count);
    };
    await answered(16);
    await work(watch, answered);
  } finally {
    on.is = false;
    await loops;
  }
  return watch;
}
