/** The progress of a migration from another service, and what still depends on that service. */
import type { OldTokenSettings } from '../config/index.ts';
import { type Clock, dayOf } from '../core/clock.ts';
import type { ImportedRecord } from '../storage/imports.ts';
import type { Stores } from '../storage/stores.ts';
import type { LegacyAccounts, SourceState } from './legacy/index.ts';
import { type Operator, requirePermission } from './operators/operator.ts';
import type { ForeignHashes } from './passwords/foreign.ts';

export interface MovedAccounts {
  source: string;
  way: ImportedRecord['way'];
  accounts: number;
}

/** A service that is asked for accounts which are not here. */
export interface SourceProgress {
  name: string;
  kind: SourceState['kind'];
  /** Whether it is left alone after failures; in this process, so a command does not see the server's state. */
  isFailing: boolean;
  /** Null where it cannot tell. */
  accounts: number | null;
  moved: number;
  left: number | null;
  /** Accounts here without a password, which the service is asked for. */
  withoutPassword: number;
}

/** Something left to do. */
export interface Remaining {
  code:
    | 'source_has_accounts'
    | 'source_unknown'
    | 'source_has_passwords'
    | 'old_tokens'
    | 'not_come'
    | 'old_hashes';
  message: string;
  /** Whether it needs the old service. */
  blocking: boolean;
}

export interface MigrationStatus {
  accounts: { total: number; madeHere: number; moved: MovedAccounts[] };
  notCome: {
    accounts: number;
    bySource: { source: string; accounts: number }[];
    /** Null for operators who may not see people. */
    some: { id: string; email: string }[] | null;
  };
  sources: SourceProgress[];
  oldHashes: { format: string; accounts: number }[];
  oldTokens: {
    doors: { door: string; until: string; unusedRefreshTokens: number }[];
    byDay: { day: string; door: string; access: number; refresh: number; refused: number }[];
    lastSeenAt: Date | null;
  };
  doors: { door: string; requests: number; accounts: number; lastUsedAt: Date | null }[];
  remaining: Remaining[];
  /** Whether nothing needs the old service any more. */
  isReady: boolean;
}

export interface Migration {
  /** @throws DomainError insufficient_scope. */
  status(operator: Operator): Promise<MigrationStatus>;
  /** For metrics, updated every few minutes; empty when there is no migration. */
  counts(): Promise<Pick<MigrationStatus, 'oldHashes'> & { moved: MovedAccounts[]; notCome: number }>;
}

const DAY = 86_400_000;
/** Days of the report. */
const DAYS = 30;
/** Days without old tokens, after which none are expected. */
const QUIET = 7;
/** Maximum of people to name. */
const MAX_NAMED = 100;
/** Milliseconds that counts are cached. */
const KEPT = 300_000;

const sum = (rows: readonly { accounts: number }[]) => rows.reduce((all, { accounts }) => all + accounts, 0);
const people = (count: number) => (count === 1 ? '1 account' : `${count} accounts`);

export function createMigration(dependencies: {
  stores: Pick<Stores, 'migrationCounts' | 'contractUsage' | 'oldTokens'>;
  legacy: Pick<LegacyAccounts, 'states'>;
  hashes: Pick<ForeignHashes, 'formatOf'>;
  settings: Readonly<Record<string, OldTokenSettings>>;
  clock: Clock;
}): Migration {
  const { legacy, hashes, settings, clock } = dependencies;
  const { migrationCounts: counts, contractUsage: usage, oldTokens } = dependencies.stores;
  let last: { at: number; counts: ReturnType<Migration['counts']> } | undefined;

  const oldHashes = async () => {
    const byFormat = new Map<string, number>();
    for (const { sample, accounts } of await counts.oldHashes()) {
      const format = hashes.formatOf(sample);
      byFormat.set(format, (byFormat.get(format) ?? 0) + accounts);
    }
    return [...byFormat]
      .map(([format, accounts]) => ({ format, accounts }))
      .toSorted((one, other) => other.accounts - one.accounts || (one.format < other.format ? -1 : 1));
  };

  const progressOf = async (
    { name, kind, isOpen, count }: SourceState,
    moved: readonly MovedAccounts[],
    bare: readonly { source: string; accounts: number }[],
  ): Promise<SourceProgress> => {
    const arrived = sum(moved.filter(({ source }) => source === name));
    const accounts = count ? await count().catch(() => null) : null;
    const left = accounts === null ? null : Math.max(0, accounts - arrived);
    const withoutPassword = sum(bare.filter(({ source }) => source === name));
    return { name, kind, isFailing: isOpen, accounts, moved: arrived, left, withoutPassword };
  };

  const tokensOf = async (): Promise<MigrationStatus['oldTokens']> => {
    const now = clock.now();
    const [uses, unused] = await Promise.all([
      oldTokens.uses(dayOf(now - (DAYS - 1) * DAY)),
      oldTokens.unused(new Date(now)),
    ]);
    const byDay = new Map<string, MigrationStatus['oldTokens']['byDay'][number]>();
    for (const { day, door, kind, uses: count } of uses) {
      const row = byDay.get(`${day} ${door}`) ?? { day, door, access: 0, refresh: 0, refused: 0 };
      byDay.set(`${day} ${door}`, { ...row, [kind]: row[kind] + count });
    }
    const good = uses.filter(({ kind }) => kind !== 'refused').map(({ lastUsedAt }) => lastUsedAt.getTime());
    return {
      doors: Object.entries(settings).map(([door, { until }]) => ({
        door,
        until,
        unusedRefreshTokens: unused.find((one) => one.door === door)?.count ?? 0,
      })),
      byDay: [...byDay.values()],
      lastSeenAt: good.length === 0 ? null : new Date(Math.max(...good)),
    };
  };

  const doorsOf = async (): Promise<MigrationStatus['doors']> => {
    const since = dayOf(clock.now() - (DAYS - 1) * DAY);
    const [rows, users, lastUses] = await Promise.all([
      usage.list(since),
      usage.countUsers(since),
      usage.lastUses(),
    ]);
    return [...lastUses].map(([door, lastUsedAt]) => ({
      door,
      requests: rows.reduce((all, row) => all + (row.door === door ? row.requests : 0), 0),
      accounts: users.get(door) ?? 0,
      lastUsedAt,
    }));
  };

  const remainingOf = (status: Omit<MigrationStatus, 'remaining' | 'isReady'>): Remaining[] => {
    const { sources, oldTokens: tokens, notCome, oldHashes: formats } = status;
    const ofSources = sources.flatMap(({ name, left }): Remaining[] => {
      if (left === 0) return [];
      if (left === null)
        return [
          {
            code: 'source_unknown',
            message: `${name} may have accounts that have not moved: import the rest, or wait, then remove it from legacy.sources`,
            blocking: true,
          },
        ];
      const message = `${people(left)} of ${name} ${left === 1 ? 'has' : 'have'} not moved: import the rest, or wait`;
      return [{ code: 'source_has_accounts', message, blocking: true }];
    });
    const ofPasswords = sources.flatMap(({ name, withoutPassword: count }): Remaining[] =>
      count === 0
        ? []
        : [
            {
              code: 'source_has_passwords',
              message: `${people(count)} of ${name} ${count === 1 ? 'has' : 'have'} no password here, so ${name} checks it: import the hashes, or wait`,
              blocking: true,
            },
          ],
    );
    const isSeen = tokens.lastSeenAt !== null && clock.now() - tokens.lastSeenAt.getTime() < QUIET * DAY;
    const ofTokens: Remaining[] = tokens.doors.map(({ door, until, unusedRefreshTokens }) => ({
      code: 'old_tokens',
      message: `${door} accepts old tokens until ${until}: ${isSeen ? 'some were' : 'none was'} used in the last ${QUIET} days${unusedRefreshTokens > 0 ? `, and ${unusedRefreshTokens} imported refresh tokens are unused` : ''}`,
      // Their keys are here, unless they come from the old service.
      blocking: settings[door]?.keys.some(({ jwksUrl }) => jwksUrl !== undefined) ?? false,
    }));
    const others: Remaining[] = [];
    if (notCome.accounts > 0)
      others.push({
        code: 'not_come',
        message: `${people(notCome.accounts)} from imports ${notCome.accounts === 1 ? 'has' : 'have'} not signed in here yet`,
        blocking: false,
      });
    const hashed = sum(formats);
    if (hashed > 0)
      others.push({
        code: 'old_hashes',
        message: `${people(hashed)} ${hashed === 1 ? 'has' : 'have'} an old password hash, which the next correct password replaces`,
        blocking: false,
      });
    return [...ofSources, ...ofPasswords, ...ofTokens, ...others];
  };

  return {
    async status(operator) {
      requirePermission(operator, 'settings:read');
      const maySeePeople = operator.permissions.has('users:read');
      const [accounts, moved, bare, bySource, some, formats, tokens, doors] = await Promise.all([
        counts.accounts(),
        counts.moved(),
        counts.withoutPassword(),
        counts.notCome(),
        maySeePeople ? counts.someNotCome(MAX_NAMED) : null,
        oldHashes(),
        tokensOf(),
        doorsOf(),
      ]);
      const status = {
        accounts: { ...accounts, moved },
        notCome: {
          accounts: sum(bySource),
          bySource,
          some: some && some.map(({ id, email }) => ({ id, email })),
        },
        sources: await Promise.all(legacy.states().map((one) => progressOf(one, moved, bare))),
        oldHashes: formats,
        oldTokens: tokens,
        doors,
      };
      const remaining = remainingOf(status);
      return { ...status, remaining, isReady: remaining.every(({ blocking }) => !blocking) };
    },
    counts() {
      const now = performance.now();
      if (last && now - last.at < KEPT) return last.counts;
      const isMoving = Object.keys(settings).length > 0 || legacy.states().length > 0;
      const count = async () => ({
        moved: isMoving ? await counts.moved() : [],
        notCome: isMoving ? sum(await counts.notCome()) : 0,
        oldHashes: isMoving ? await oldHashes() : [],
      });
      last = { at: now, counts: count() };
      // A failed count is left out.
      last.counts.catch(() => (last = undefined));
      return last.counts;
    },
  };
}

/** The status as the API and the command show it. */
export const presentMigration = ({
  accounts,
  notCome,
  sources,
  oldHashes,
  oldTokens,
  doors,
  remaining,
  isReady,
}: MigrationStatus) => ({
  accounts: { total: accounts.total, made_here: accounts.madeHere, moved: accounts.moved },
  not_come: { accounts: notCome.accounts, by_source: notCome.bySource, some: notCome.some },
  sources: sources.map(({ isFailing, withoutPassword, ...source }) => ({
    ...source,
    without_password: withoutPassword,
    failing: isFailing,
  })),
  old_hashes: oldHashes,
  old_tokens: {
    doors: oldTokens.doors.map(({ door, until, unusedRefreshTokens }) => ({
      door,
      until,
      unused_refresh_tokens: unusedRefreshTokens,
    })),
    by_day: oldTokens.byDay,
    last_seen_at: oldTokens.lastSeenAt?.toISOString() ?? null,
  },
  doors: doors.map(({ door, requests, accounts: who, lastUsedAt }) => ({
    door,
    requests,
    accounts: who,
    last_used_at: lastUsedAt?.toISOString() ?? null,
  })),
  remaining,
  ready: isReady,
});
