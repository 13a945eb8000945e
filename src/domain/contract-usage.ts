import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { ContractUsageStore, UsageRow } from '../storage/contract-usage.ts';

/** What was counted within some days. */
export interface UsageReport {
  /** By door, endpoint and day. */
  rows: UsageRow[];
  /** How many accounts used each door, each counted once. */
  users: Map<string, number>;
}

/** Counts who uses which contract, so that the operator sees which can be closed. */
export interface ContractUsage {
  /** Notes one request: memory alone. `accountId` is whose it was, if that was proven. */
  note(door: string, operation: string, accountId: string | null): void;
  /** What every process has written of the last `days`, today among them. */
  report(options: { days: number; door?: string | undefined }): Promise<UsageReport>;
  /** Begins to write what was counted, every few seconds. */
  start(): void;
  /** Writes the rest. */
  stop(): Promise<void>;
}

/** Milliseconds between two writes. */
const INTERVAL = 10_000;
const DAY = 86_400_000;

interface Dependencies {
  store: ContractUsageStore;
  clock: Clock;
  logger: Logger;
}

interface Count {
  door: string;
  operation: string;
  day: string;
  requests: number;
  lastUsed: number;
  accounts: Set<string>;
}

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** Puts `from` into `counts`. */
function merge(counts: Map<string, Count>, { door, operation, day, ...from }: Count): void {
  const key = `${door} ${operation} ${day}`;
  const count = counts.get(key);
  if (!count) {
    counts.set(key, { door, operation, day, ...from });
    return;
  }
  count.requests += from.requests;
  count.lastUsed = Math.max(count.lastUsed, from.lastUsed);
  for (const account of from.accounts) count.accounts.add(account);
}

export function createContractUsage({ store, clock, logger }: Dependencies): ContractUsage {
  let counts = new Map<string, Count>();
  let timer: NodeJS.Timeout | undefined;
  let today = { day: '', until: 0 };

  const currentDay = (now: number): string => {
    if (now >= today.until) today = { day: dayOf(now), until: (Math.floor(now / DAY) + 1) * DAY };
    return today.day;
  };

  async function write(): Promise<void> {
    if (counts.size === 0) return;
    const taken = [...counts.values()];
    counts = new Map();
    const requests = taken.map(({ accounts: _accounts, lastUsed, ...rest }) => ({
      ...rest,
      lastUsedAt: new Date(lastUsed),
    }));
    const users = taken.flatMap(({ door, operation, day, accounts }) =>
      [...accounts].map((accountId) => ({ door, operation, day, accountId })),
    );
    try {
      await store.add({ requests, users });
    } catch (error) {
      for (const count of taken) merge(counts, count);
      throw error;
    }
  }

  const tryToWrite = (): Promise<void> =>
    write().catch((error: unknown) =>
      logger.warn({ err: error }, 'the use of contract doors was not written yet'),
    );

  return {
    note(door, operation, accountId) {
      const now = clock.now();
      const day = currentDay(now);
      const key = `${door} ${operation} ${day}`;
      let count = counts.get(key);
      if (!count)
        counts.set(key, (count = { door, operation, day, requests: 0, lastUsed: now, accounts: new Set() }));
      count.requests += 1;
      count.lastUsed = now;
      if (accountId !== null) count.accounts.add(accountId);
    },
    async report({ days, door }) {
      const since = dayOf(clock.now() - (days - 1) * DAY);
      const [rows, users] = await Promise.all([store.list(since, door), store.countUsers(since)]);
      return { rows, users };
    },
    start() {
      timer = setInterval(() => void tryToWrite(), INTERVAL).unref();
    },
    async stop() {
      clearInterval(timer);
      await tryToWrite();
    },
  };
}
