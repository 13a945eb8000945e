import type { Actor } from '../../core/actor.ts';
import { type Clock, dayOf } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { createPeriodicWriter, type PeriodicWriter } from '../../core/periodic-writer.ts';
import type { AuditEntry } from '../../storage/audit.ts';
import { type DailyStatsStore, type Metric, METRICS } from '../../storage/daily-stats.ts';
import type { Operator } from './operator.ts';
import type { Permission } from './permissions.ts';

export { type Metric, METRICS } from '../../storage/daily-stats.ts';

/** A day's counts that the operator may see. */
export type DailyCounts = { day: string } & { [M in Metric]: number | null };

/** Counts events in memory and writes them in the background, so that a sign-in is not delayed. */
export interface Stats extends PeriodicWriter {
  /** Counts a committed audit event. */
  noteEvent(entry: AuditEntry, actor: Actor): void;
  /** Counts tokens that were handed out. */
  noteTokens(): void;
  /** The last `days` including today, latest first. Counts that the operator may not see are null. */
  list(operator: Operator, days: number): Promise<DailyCounts[]>;
}

/** The permission to see each. */
const SEEN_BY: Record<Metric, Permission> = {
  sign_ins: 'users:read',
  failures: 'users:read',
  sign_ups: 'users:read',
  active: 'users:read',
  tokens: 'clients:read',
  attacks: 'audit:read',
  lockouts: 'audit:read',
};

/** Milliseconds between two writes. */
const INTERVAL = 10_000;
const DAY = 86_400_000;
/** Maximum of distinct people between two writes: others are counted at their next sign-in. */
const MAX_PEOPLE = 50_000;

/** Who creates accounts for others. */
const MAKERS = new Set<Actor['kind']>(['operator', 'client', 'system']);

function metricsOf(
  { type, outcome = 'success', details }: AuditEntry,
  { kind, isOperator = false }: Actor,
): Metric[] {
  switch (type) {
    case 'login':
      if (outcome === 'success') return ['sign_ins'];
      return details?.['reason'] === 'account_locked' ? ['failures', 'lockouts'] : ['failures'];
    case 'user.created':
      return isOperator || MAKERS.has(kind) ? [] : ['sign_ups'];
    case 'refresh_token.reused':
      return ['attacks'];
    default:
      return [];
  }
}

export function createStats({
  store,
  clock,
  logger,
}: {
  store: DailyStatsStore;
  clock: Clock;
  logger: Logger;
}): Stats {
  let counts = new Map<string, Map<Metric, number>>();
  let people = new Map<string, Set<string>>();

  const add = (day: string, metric: Metric, count: number): void => {
    const ofDay = counts.get(day) ?? new Map<Metric, number>();
    counts.set(day, ofDay.set(metric, (ofDay.get(metric) ?? 0) + count));
  };
  const addPerson = (day: string, accountId: string): void => {
    const ofDay = people.get(day) ?? new Set<string>();
    if (ofDay.size < MAX_PEOPLE) people.set(day, ofDay.add(accountId));
  };

  async function write(): Promise<void> {
    if (counts.size === 0) return;
    const taken = { counts, people };
    counts = new Map();
    people = new Map();
    const batch = {
      counts: [...taken.counts].flatMap(([day, ofDay]) =>
        [...ofDay].map(([metric, count]) => ({ day, metric, count })),
      ),
      people: [...taken.people].flatMap(([day, ofDay]) =>
        [...ofDay].map((accountId) => ({ day, accountId })),
      ),
    };
    try {
      await store.add(batch);
    } catch (error) {
      for (const { day, metric, count } of batch.counts) add(day, metric, count);
      for (const { day, accountId } of batch.people) addPerson(day, accountId);
      throw error;
    }
  }
  return {
    noteEvent(entry, actor) {
      const metrics = metricsOf(entry, actor);
      const day = dayOf(clock.now());
      for (const metric of metrics) add(day, metric, 1);
      if (metrics.includes('sign_ins') && entry.subject) addPerson(day, entry.subject);
    },
    noteTokens() {
      add(dayOf(clock.now()), 'tokens', 1);
    },
    async list({ permissions }, days) {
      const now = clock.now();
      const rows = await store.list(dayOf(now - (days - 1) * DAY));
      return Array.from({ length: days }, (_none, before) => {
        const day = dayOf(now - before * DAY);
        const ofDay = new Map(
          rows.filter((row) => row.day === day).map(({ metric, count }) => [metric, count]),
        );
        const seen = METRICS.map((metric) => [
          metric,
          permissions.has(SEEN_BY[metric]) ? (ofDay.get(metric) ?? 0) : null,
        ]);
        return { day, ...(Object.fromEntries(seen) as Record<Metric, number | null>) };
      });
    },
    ...createPeriodicWriter(INTERVAL, write, (error) =>
      logger.warn({ err: error }, 'what was counted was not written yet'),
    ),
  };
}
