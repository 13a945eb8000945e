import { type Clock, dayOf } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { createPeriodicWriter, type PeriodicWriter } from '../core/periodic-writer.ts';
import type {
  AccountRow,
  CallerRow,
  ContractUsageStore,
  Reach,
  UsageRow,
} from '../storage/contract-usage.ts';
import { type Operator, requirePermission } from './operators/operator.ts';
import { sourceOf } from './source.ts';

export type { CallerRow, Reach } from '../storage/contract-usage.ts';

/** One request to a contract. */
export interface ContractUse {
  door: string;
  operation: string;
  /** The account, if that was proven. */
  accountId: string | null;
  /** The program, if it presented a key. */
  program?: string | null;
  userAgent?: string | null;
  ip?: string | null;
}

/** Who has called a contract. */
export interface DoorReport extends UsageReport {
  clients: CallerRow[];
  addresses: CallerRow[];
  /** Null for operators who may not see people. */
  accounts: AccountRow[] | null;
  lastUsedAt: Date | null;
  wouldStop: BlastRadius;
}

/** Who would have been affected in the last days if the contract had been closed. */
export type BlastRadius = Record<'last7Days' | 'last30Days', Reach>;

/** Usage counts of a period. */
export interface UsageReport {
  /** By door, endpoint and day. */
  rows: UsageRow[];
  /** How many accounts used each door, each counted once. */
  users: Map<string, number>;
}

/** Counts who uses which contract, so that the operator sees which can be closed. */
export interface ContractUsage extends PeriodicWriter {
  /** Records one request, in memory only. */
  note(use: ContractUse): void;
  /** Who has called a contract within the last `days`. @throws DomainError insufficient_scope. */
  reportOf(operator: Operator, door: string, days: number): Promise<DoorReport>;
  /** @throws DomainError insufficient_scope. */
  blastRadius(operator: Operator, door: string): Promise<BlastRadius>;
  /** The last call of each contract within the retained counts. @throws DomainError insufficient_scope. */
  lastUses(operator: Operator): Promise<Map<string, Date>>;
  /** Requests to each contract in the last `days`. @throws DomainError insufficient_scope. */
  requests(operator: Operator, days: number): Promise<Map<string, number>>;
  /** The counts that all processes have written for the last `days`, today included. */
  report(options: { days: number; door?: string | undefined }): Promise<UsageReport>;
}

/** Milliseconds between two writes. */
const INTERVAL = 10_000;
const DAY = 86_400_000;

/** Maximum of distinct programs and addresses per contract between two writes. */
const MAX_CALLERS = 500;
/** Rows of each kind in a report. */
const MAX_REPORT_ROWS = 100;

interface Count {
  door: string;
  operation: string;
  day: string;
  requests: number;
  lastUsed: number;
  accounts: Set<string>;
}

interface CallerCount {
  door: string;
  day: string;
  kind: CallerRow['kind'];
  caller: string;
  requests: number;
  lastUsed: number;
}

/** The browser's real name, which follows compatibility tokens, or a program's first product (RFC 9110 section 10.1.5). */
export function programOf(userAgent: string | null): string {
  const products = (userAgent ?? '').match(/[\w.+-]{1,40}\/[\w.+-]{1,20}/g) ?? [];
  const isBrowser = products[0]?.startsWith('Mozilla/') ?? false;
  const browser = products.findLast((product) => /^(?:Firefox|Edg|OPR|Chrome|Safari)\//.test(product));
  const name = (isBrowser ? browser : products[0]) ?? /^[\w.+-]{1,40}/.exec(userAgent ?? '')?.[0];
  return name ?? 'unknown';
}

/** Adds `from` to `counts`. */
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

export function createContractUsage({
  store,
  clock,
  logger,
}: {
  store: ContractUsageStore;
  clock: Clock;
  logger: Logger;
}): ContractUsage {
  let counts = new Map<string, Count>();
  let callers = new Map<string, CallerCount>();
  /** Number of callers by contract, day and kind. */
  let distinct = new Map<string, number>();
  let today = { day: '', until: 0 };

  const currentDay = (now: number): string => {
    if (now >= today.until) today = { day: dayOf(now), until: (Math.floor(now / DAY) + 1) * DAY };
    return today.day;
  };

  async function write(): Promise<void> {
    if (counts.size === 0) return;
    const taken = [...counts.values()];
    const called = [...callers.values()];
    counts = new Map();
    callers = new Map();
    distinct = new Map();
    const requests = taken.map(({ accounts: _accounts, lastUsed, ...rest }) => ({
      ...rest,
      lastUsedAt: new Date(lastUsed),
    }));
    const users = taken.flatMap(({ door, operation, day, accounts }) =>
      [...accounts].map((accountId) => ({ door, operation, day, accountId })),
    );
    try {
      await store.add({
        requests,
        users,
        callers: called.map(({ lastUsed, ...rest }) => ({ ...rest, lastUsedAt: new Date(lastUsed) })),
      });
    } catch (error) {
      for (const count of taken) merge(counts, count);
      for (const count of called) addCaller(count);
      throw error;
    }
  }

  function addCaller({ requests, lastUsed, ...what }: CallerCount): void {
    const kind = `${what.door} ${what.day} ${what.kind}`;
    const known = callers.get(`${kind} ${what.caller}`);
    const count = distinct.get(kind) ?? 0;
    const caller = known || count < MAX_CALLERS ? what.caller : '';
    const key = `${kind} ${caller}`;
    const counted = known ?? callers.get(key);
    if (counted) {
      counted.requests += requests;
      counted.lastUsed = Math.max(counted.lastUsed, lastUsed);
    } else {
      callers.set(key, { ...what, caller, requests, lastUsed });
      distinct.set(kind, count + 1);
    }
  }

  const sinceDay = (days: number) => dayOf(clock.now() - (days - 1) * DAY);

  const reach = async (door: string): Promise<BlastRadius> => {
    const [last7Days, last30Days] = await Promise.all([
      store.reach(sinceDay(7), door),
      store.reach(sinceDay(30), door),
    ]);
    return { last7Days, last30Days };
  };

  return {
    note({ door, operation, accountId, program = null, userAgent = null, ip = null }) {
      const now = clock.now();
      const day = currentDay(now);
      const key = `${door} ${operation} ${day}`;
      let count = counts.get(key);
      if (!count)
        counts.set(key, (count = { door, operation, day, requests: 0, lastUsed: now, accounts: new Set() }));
      count.requests += 1;
      count.lastUsed = now;
      if (accountId !== null) count.accounts.add(accountId);
      const common = { door, day, requests: 1, lastUsed: now };
      addCaller({ ...common, kind: 'client', caller: program ?? programOf(userAgent) });
      addCaller({ ...common, kind: 'address', caller: sourceOf(ip) });
    },
    async reportOf(operator, door, days) {
      requirePermission(operator, 'contracts:read');
      const since = sinceDay(days);
      const [rows, users, clients, addresses, accounts, last, wouldStop] = await Promise.all([
        store.list(since, door),
        store.countUsers(since),
        store.callers(since, door, 'client', MAX_REPORT_ROWS),
        store.callers(since, door, 'address', MAX_REPORT_ROWS),
        operator.permissions.has('users:read') ? store.accounts(since, door, MAX_REPORT_ROWS) : null,
        store.lastUses(),
        reach(door),
      ]);
      return { rows, users, clients, addresses, accounts, lastUsedAt: last.get(door) ?? null, wouldStop };
    },
    async blastRadius(operator, door) {
      requirePermission(operator, 'contracts:read');
      return reach(door);
    },
    lastUses(operator) {
      requirePermission(operator, 'contracts:read');
      return store.lastUses();
    },
    requests(operator, days) {
      requirePermission(operator, 'contracts:read');
      return store.requests(sinceDay(days));
    },
    async report({ days, door }) {
      const since = sinceDay(days);
      const [rows, users] = await Promise.all([store.list(since, door), store.countUsers(since)]);
      return { rows, users };
    },
    ...createPeriodicWriter(INTERVAL, write, (error) =>
      logger.warn({ err: error }, 'the use of contract doors was not written yet'),
    ),
  };
}
