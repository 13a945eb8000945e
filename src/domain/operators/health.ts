import type { Clock } from '../../core/clock.ts';
import { type Operator, requirePermission } from './operator.ts';

/** The key of a sentence with its parameters; or a text from elsewhere. */
type Sentence =
  string | { key: string; params: Readonly<Record<string, string | number>> } | { text: string };

/** The result of one check, with advice. */
export interface HealthFinding {
  name: string;
  status: 'ok' | 'warning' | 'problem';
  /** In English. */
  message: string;
  /** Missing where the message includes it. */
  todo?: string;
  /** The same for other languages. */
  sentences: { name: Sentence; message: Sentence; todo?: Sentence };
}

export interface HealthReport {
  checkedAt: Date;
  /** The worst status. */
  status: HealthFinding['status'];
  /** Worst first. */
  findings: HealthFinding[];
}

/** Runs the checks, at most every few seconds for all callers together. @throws DomainError insufficient_scope. */
export type CheckHealth = (operator: Operator) => Promise<HealthReport>;

/** Milliseconds that a report is cached: the checks ask the mail server and other stores. */
const KEPT = 10_000;

const RANK = { problem: 0, warning: 1, ok: 2 } as const;

/** @param examine runs all checks */
export function createCheckHealth(clock: Clock, examine: () => Promise<HealthFinding[]>): CheckHealth {
  let last: { at: number; report: Promise<HealthReport> } | undefined;
  const check = async (at: number): Promise<HealthReport> => {
    const found = await examine();
    const findings = found.toSorted((a, b) => RANK[a.status] - RANK[b.status]);
    return { checkedAt: new Date(at), status: findings[0]?.status ?? 'ok', findings };
  };
  return async (operator) => {
    requirePermission(operator, 'settings:read');
    const now = clock.now();
    if (!last || now - last.at >= KEPT) {
      const report = check(now);
      last = { at: now, report };
      // A failed check run is not cached.
      report.catch(() => (last = undefined));
    }
    return last.report;
  };
}
