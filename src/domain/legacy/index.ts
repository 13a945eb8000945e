/**
 * Accounts that are still at another service. When that service accepts a password, the account is created here, once; from then
 * on it is Postern's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LegacySourceSettings } from '../../config/index.ts';
import { systemActor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { LRUCache } from 'lru-cache';
import { emailKeyOf, usernameKeyOf } from '../lookup.ts';
import type { RawRecord } from '../imports/record.ts';
import type { ImportedRecord, Imports } from '../../storage/imports.ts';
import type { UserRecord } from '../../storage/users.ts';
import { type Adoption, type AdoptionDependencies, createAdoption } from './adoption.ts';
import { createBreaker, type SourceOutcome } from './breaker.ts';
import { createContractSource, createMappedSource, type GuardedFetch } from './http.ts';
import { type Attempt, type LegacySource, type ShownToken, SourceError } from './source.ts';
import { createTableSource } from './sql.ts';

export type { Adoption } from './adoption.ts';

/** The id of an account at a source. */
export type Home = Pick<ImportedRecord, 'source' | 'sourceId'>;

/** An account that a source has let in. */
export interface Found {
  source: string;
  record: RawRecord;
}

export interface LegacyAccounts {
  /** Whether there is any source. */
  readonly isUsed: boolean;
  /**
   * Authenticates at all sources concurrently; the first success in the configured order wins.
   * @param homes for an account that exists here: only these sources are asked, and only for this account.
   * @returns null when all refuse.
   * @throws DomainError unavailable when none accepts and one has failed.
   */
  authenticate(attempt: Attempt, homes?: readonly Home[]): Promise<Found | null>;
  /** Creates the account, if needed. @throws DomainError overloaded, unavailable. */
  adopt: Adoption;
  /**
   * An account's ids at sources that still decide on its password: it came from there without one, and has had none here since.
   * Empty for any other.
   */
  homesOf(account: Pick<UserRecord, 'id' | 'passwordHash' | 'passwordChangedAt'>): Promise<Home[]>;
  /**
   * Creates the account of a verified token, without a password; the source is asked for that at the next login. Asks the source
   * once for concurrent tokens, and not again for a while after a refusal.
   * @param source its name; null for the only one that supports this.
   * @returns whether the account exists here now. A deleted account is not created again by its token.
   * @throws DomainError overloaded, unavailable.
   */
  bringOver(source: string | null, shown: ShownToken): Promise<boolean>;
  /**
   * Whether a source knows an account with this name. False where none can tell.
   * @param identifier unchecked.
   * @param password of the person who registers: a source that cannot tell otherwise is tried with it.
   */
  exists(identifier: unknown, password?: string): Promise<boolean>;
  /** Delays a refusal to the duration of a source's, so that timing does not tell where the account is. */
  holdBack(start: number, signal?: AbortSignal): Promise<void>;
  /** The state of each source. */
  states(): SourceState[];
  close(): Promise<void>;
}

export interface SourceState {
  name: string;
  kind: LegacySourceSettings['kind'];
  /** Whether it is left alone after failures. */
  isOpen: boolean;
  /** Number of its accounts; missing where it cannot tell. @throws SourceError. */
  count?(): Promise<number>;
}

/** A single source. */
export interface OpenedSource extends LegacySource {
  /** Asks for an account that cannot exist. @throws SourceError when it does not refuse. */
  probe(): Promise<void>;
}

/** Called for each request to a source. */
export type ObserveSource = (source: string, outcome: SourceOutcome, seconds: number) => void;

type TableDependencies = Parameters<typeof createTableSource>[1];

interface SourceDependencies extends TableDependencies {
  /** @param timeout milliseconds. */
  fetchWithin(timeout: number): GuardedFetch;
}

/** Maximum milliseconds that a refusal is delayed. */
const MAX_HOLD = 2000;
/** Fractions by which the floor moves towards a slower refusal, and towards a faster one. */
const FLOOR = { up: 0.5, down: 0.1 };

/** Accounts that a source has refused to report, and for how many milliseconds it is not asked again. */
const REFUSED = { max: 10_000, ttl: 60_000 };

/** Milliseconds between two log lines about one source. */
const LOG_EVERY = 10_000;

/** A name that cannot exist. */
const PROBE_IDENTIFIER = 'postern-doctor@postern.invalid';

/** Whether a record matches the typed identifier. Missing identifiers count as the typed one. */
function named(record: RawRecord, typed: string): RawRecord | null {
  const { email, username } = record;
  if (typed.includes('@')) {
    if (email === undefined) return { ...record, email: typed.trim() };
    return typeof email === 'string' && emailKeyOf(email) === emailKeyOf(typed) ? record : null;
  }
  if (username === undefined) return { ...record, username: typed.trim() };
  return typeof username === 'string' && usernameKeyOf(username) === usernameKeyOf(typed) ? record : null;
}

/** Opens a source; it connects on first use. */
export function openSource(one: LegacySourceSettings, dependencies: SourceDependencies): OpenedSource {
  const fetch = dependencies.fetchWithin(one.timeout * 1000);
  const source =
    one.kind === 'sql'
      ? createTableSource(one, dependencies)
      : one.kind === 'http'
        ? createMappedSource(one, fetch)
        : createContractSource(one, fetch);
  return {
    ...source,
    async probe() {
      const signal = AbortSignal.timeout(one.timeout * 1000);
      if (await source.authenticate({ identifier: PROBE_IDENTIFIER, password: 'postern doctor', signal }))
        throw new SourceError('another_account', 'it accepts a login of an unknown account');
    },
  };
}

export function createLegacyAccounts(
  dependencies: Omit<AdoptionDependencies, 'sources' | 'hasher' | 'hashes'> &
    SourceDependencies & {
      settings: readonly LegacySourceSettings[];
      hasher: AdoptionDependencies['hasher'] & TableDependencies['hasher'];
      hashes: AdoptionDependencies['hashes'] & TableDependencies['hashes'];
      imports: AdoptionDependencies['imports'] & Pick<Imports, 'of' | 'hasDeparted'>;
      observe?: ObserveSource | undefined;
    },
): LegacyAccounts {
  const { settings, logger, observe, imports } = dependencies;
  let floor = 0;
  // Made with the first refusal: even an empty one takes 2 ms and a third of a megabyte.
  let refused: LRUCache<string, true> | undefined;
  const coming = new Map<string, Promise<boolean>>();
  const logged = new Map<string, number>();

  const sources = settings.map((one) => ({
    settings: one,
    source: openSource(one, dependencies),
    breaker: createBreaker(one.breaker, one.concurrency),
  }));
  type Source = (typeof sources)[number];

  const note = (
    { name }: LegacySourceSettings,
    outcome: SourceOutcome,
    start: number,
    error?: SourceError,
  ) => {
    observe?.(name, outcome, (performance.now() - start) / 1000);
    const now = performance.now();
    if (!error || now - (logged.get(name) ?? -Infinity) < LOG_EVERY) return;
    logged.set(name, now);
    logger.warn({ source: name, failure: outcome, reason: error.message }, 'a legacy source failed');
  };

  /** @throws SourceError; DomainError of hashing; the caller's reason. */
  const ask = async (
    { settings: one, source, breaker }: Source,
    attempt: Attempt,
    homes: readonly Home[] | undefined,
  ): Promise<Found | null> => {
    const start = performance.now();
    try {
      const record = await breaker.run(async () => {
        const limit = AbortSignal.timeout(one.timeout * 1000);
        const signal = attempt.signal ? AbortSignal.any([attempt.signal, limit]) : limit;
        const found = await source.authenticate(one.kind === 'sql' ? attempt : { ...attempt, signal });
        const matching = found && named(found, attempt.identifier);
        const isOther = found && homes?.every((home) => home.sourceId !== String(found['source_id']));
        if (found && (!matching || isOther))
          throw new SourceError('another_account', 'it returns another account');
        return matching;
      });
      note(one, record ? 'right' : 'refused', start);
      if (!record) {
        const took = Math.min(performance.now() - start, MAX_HOLD);
        floor = floor === 0 ? took : floor + (took - floor) * (took > floor ? FLOOR.up : FLOOR.down);
      }
      return record && { source: one.name, record };
    } catch (error) {
      if (error instanceof SourceError) note(one, error.failure, start, error);
      throw error;
    }
  };

  /** Whether a failure counts as a refusal: only a reply about another account does. */
  const isRefusal = (error: unknown) => error instanceof SourceError && error.failure === 'another_account';

  const adopt = createAdoption({ ...dependencies, sources: settings });

  /** @throws DomainError. */
  const bring = async ({ settings: one, source, breaker }: Source, shown: ShownToken): Promise<boolean> => {
    if (await imports.hasDeparted(one.name, shown.sourceId)) return false;
    const start = performance.now();
    let record: RawRecord | null;
    try {
      record = await breaker.run(async () => {
        const found = (await source.profile?.(shown, AbortSignal.timeout(one.timeout * 1000))) ?? null;
        if (found && String(found['source_id']) !== shown.sourceId)
          throw new SourceError('another_account', 'it returns another account');
        return found;
      });
      note(one, record ? 'right' : 'refused', start);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      note(one, error.failure, start, error);
      if (isRefusal(error)) return false;
      throw new DomainError('unavailable', {}, { cause: error });
    }
    if (!record) return false;
    const made = await adopt({ source: one.name, record }, null, systemActor);
    return made !== 'refused';
  };

  return {
    isUsed: sources.length > 0,
    async homesOf({ id, passwordHash, passwordChangedAt }) {
      if (sources.length === 0 || passwordHash !== null || passwordChangedAt !== null) return [];
      const isAsked = (name: string) => settings.some((one) => one.name === name);
      // No source decides on an account that existed before an import found it.
      return (await imports.of(id)).filter(
        ({ source, passwordDigest }) => passwordDigest === null && isAsked(source),
      );
    },
    async bringOver(name, shown) {
      const able = sources.filter(({ source }) => source.profile !== undefined);
      const of = name === null ? able : able.filter((one) => one.settings.name === name);
      const [one] = of;
      if (!one || of.length > 1) return false;
      const key = JSON.stringify([one.settings.name, shown.sourceId]);
      const answered = `${key} ${shown.kind}`;
      if (refused?.has(answered)) return false;
      const underWay = coming.get(key) ?? bring(one, shown).finally(() => coming.delete(key));
      coming.set(key, underWay);
      const moved = await underWay;
      if (!moved) {
        refused ??= new LRUCache(REFUSED);
        refused.set(answered, true);
      }
      return moved;
    },
    async authenticate(attempt, homes) {
      const asked = homes
        ? sources.filter(({ settings: { name } }) => homes.some(({ source }) => source === name))
        : sources;
      const answers = await Promise.allSettled(
        asked.map((one) =>
          ask(
            one,
            attempt,
            homes?.filter(({ source }) => source === one.settings.name),
          ),
        ),
      );
      for (const answer of answers) if (answer.status === 'fulfilled' && answer.value) return answer.value;
      for (const answer of answers) {
        if (answer.status === 'fulfilled' || isRefusal(answer.reason)) continue;
        const cause: unknown = answer.reason;
        throw cause instanceof SourceError ? new DomainError('unavailable', {}, { cause }) : cause;
      }
      return null;
    },
    adopt,
    async exists(identifier, password) {
      if (typeof identifier !== 'string' || identifier === '') return false;
      const asked = sources.map(async ({ settings: one, source, breaker }) => {
        if (!source.exists && password === undefined) return false;
        const signal = AbortSignal.timeout(one.timeout * 1000);
        const name = identifier.trim();
        const start = performance.now();
        try {
          const is = await breaker.run(
            async () =>
              (await source.exists?.(name, signal)) ??
              (await source.authenticate({ identifier: name, password: password ?? '', signal })) !== null,
          );
          note(one, is ? 'right' : 'refused', start);
          return is;
        } catch (error) {
          if (error instanceof SourceError) note(one, error.failure, start, error);
          // Registration and reset don't wait for slow sources.
          return false;
        }
      });
      return (await Promise.all(asked)).includes(true);
    },
    async holdBack(start, signal) {
      const rest = floor - (performance.now() - start);
      if (sources.every(({ breaker }) => breaker.isOpen) || rest <= 0) return;
      await sleep(rest, undefined, { signal }).catch(() => signal?.throwIfAborted());
    },
    states: () =>
      sources.map(({ settings: { name, kind }, source, breaker }) => ({
        name,
        kind,
        isOpen: breaker.isOpen,
        ...(source.count && { count: () => source.count!() }),
      })),
    async close() {
      await Promise.all(sources.map(({ source }) => source.close()));
    },
  };
}
