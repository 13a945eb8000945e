import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { RedisClient } from './client.ts';
import { script } from './commands.ts';
import { createScores, type Scores } from './scores.ts';

/*
 * The marks are spread over sorted sets, scored by their expiry. In each a member `!` says that the set is complete. It is lost
 * with the set: after FLUSHALL, an eviction or a restart nothing is left that claims to be complete. A process that fills a set
 * leaves a claim in it, so that a set lost meanwhile is not sealed.
 */
const CLAIM = `
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end`;

const ADD = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i]) end
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end`;

const SEAL = `
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZADD', KEYS[1], '+inf', '!')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`;

const SETS = Array.from({ length: 16 }, (_, index) => `revoked:${index}`);

/**
 * Milliseconds that a sealed set is trusted. A mark that was committed to PostgreSQL and never got here (the process ended in
 * between) is missing for no longer.
 */
const BELIEVED = 60_000;

/** Marks per call. */
const BATCH = 1_000;

/** Milliseconds between a copy that failed and the next try. */
const PAUSE = 1_000;

/** A member of the sets: `kind:key`, and when the mark may be forgotten, in milliseconds since the epoch. */
export interface Member {
  name: string;
  expiresAt: number;
}

const setOf = (name: string): string => SETS[name.charCodeAt(name.length - 1) % SETS.length]!;

interface Dependencies {
  redis: RedisClient;
  clock: Clock;
  logger: Logger;
  /** Every mark that has not expired, from PostgreSQL. */
  load: () => Promise<Member[]>;
}

/** The copy of the revocation marks in Redis. It answers only while it is known to be complete. */
export class RedisMarks {
  readonly #deps: Dependencies;
  readonly #claim: ReturnType<typeof script>;
  readonly #add: ReturnType<typeof script>;
  readonly #seal: ReturnType<typeof script>;
  readonly #scores: Scores;
  #isSynced = false;
  /** Per connection: what was true on a broken one may not be on the next. */
  #generation = 0;
  #syncing: Promise<void> | null = null;
  #pauseUntil = 0;

  constructor(dependencies: Dependencies) {
    const { redis } = dependencies;
    this.#deps = dependencies;
    this.#claim = script(redis, 'marksClaim', CLAIM);
    this.#add = script(redis, 'marksAdd', ADD, true);
    this.#seal = script(redis, 'marksSeal', SEAL);
    this.#scores = createScores(redis, '!');
    redis.on(redis.isCluster ? '-node' : 'close', () => {
      this.#generation += 1;
      this.#isSynced = false;
    });
  }

  /** Adds marks. @throws DomainError unavailable when Redis is. */
  async add(members: Member[]): Promise<void> {
    const now = this.#deps.clock.now();
    const bySet = Map.groupBy(members, ({ name }) => setOf(name));
    const calls = [...bySet].flatMap(([set, all]) =>
      Array.from({ length: Math.ceil(all.length / BATCH) }, (_, index) => {
        const batch = all.slice(index * BATCH, (index + 1) * BATCH);
        return this.#add(set, now, BELIEVED, ...batch.flatMap(({ name, expiresAt }) => [name, expiresAt]));
      }),
    );
    await Promise.all(calls);
  }

  /** Whether any of `names` is marked; undefined when only PostgreSQL can tell. One round trip. */
  async hasAny(names: string[]): Promise<boolean | undefined> {
    const { redis, clock } = this.#deps;
    if (redis.status !== 'ready') return undefined;
    const generation = this.#generation;
    if (this.#isSynced) {
      try {
        const found = await this.#scores(names.map((name) => [setOf(name), name]));
        const isWhole = generation === this.#generation && found.every(([seal]) => seal !== null);
        if (isWhole) return found.some(([, expiresAt]) => Number(expiresAt ?? 0) > clock.now());
      } catch (error) {
        this.#deps.logger.debug({ err: error }, 'revocation marks are read from PostgreSQL');
      }
      this.#isSynced = false;
    }
    if (clock.now() >= this.#pauseUntil) void this.sync();
    return undefined;
  }

  /** Copies every mark from PostgreSQL. Never throws: until it succeeds, `hasAny` does not answer. */
  sync(): Promise<void> {
    this.#syncing ??= this.#copy()
      .catch((error: unknown) => {
        this.#pauseUntil = this.#deps.clock.now() + PAUSE;
        this.#deps.logger.warn({ err: error }, 'revocation marks were not copied to Redis');
      })
      .finally(() => {
        this.#syncing = null;
      });
    return this.#syncing;
  }

  async #copy(): Promise<void> {
    const { clock, load } = this.#deps;
    const generation = this.#generation;
    const claim = `?${randomUUID()}`;
    const claimedUntil = clock.now() + BELIEVED;
    // Before reading the marks: one added from here on goes to the same set, or is lost with the claim.
    await Promise.all(SETS.map((set) => this.#claim(set, claim, BELIEVED, claimedUntil)));
    await this.add(await load());
    const sealed = await Promise.all(SETS.map((set) => this.#seal(set, claim, BELIEVED)));
    this.#isSynced = generation === this.#generation && sealed.every((one) => one === 1);
  }
}
