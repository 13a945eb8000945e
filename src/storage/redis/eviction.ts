import type { Redis } from 'ioredis';
import { reply } from './commands.ts';
import type { RedisClient } from './client.ts';

/** What the masters do when their memory is full. */
export interface Eviction {
  /** `maxmemory-policy` of the first that evicts; `noeviction` when none does, `unknown` when they do not say. */
  policy: string;
  /** Keys evicted so far by masters that go on evicting. */
  evicted: number;
}

const mastersOf = (redis: RedisClient): Redis[] => ('nodes' in redis ? redis.nodes('master') : [redis]);

/** Asks every master. @throws DomainError unavailable. */
export async function evictionOf(redis: RedisClient): Promise<Eviction> {
  const found = await Promise.all(
    mastersOf(redis).map(async (master) => {
      const [memory, stats] = await Promise.all([reply(master.info('memory')), reply(master.info('stats'))]);
      const [, policy = 'unknown'] = /^maxmemory_policy:(\S+)/m.exec(memory) ?? [];
      const [, evicted = '0'] = /^evicted_keys:(\d+)/m.exec(stats) ?? [];
      return { policy, evicted: Number(evicted) };
    }),
  );
  const evicting = found.filter(({ policy }) => policy !== 'noeviction');
  return {
    policy: evicting[0]?.policy ?? 'noeviction',
    evicted: evicting.reduce((all, { evicted }) => all + evicted, 0),
  };
}

/** @throws when Redis has lost keys that must stay, and will lose more. */
export async function checkEviction(redis: RedisClient): Promise<void> {
  const { policy, evicted } = await evictionOf(redis);
  if (evicted > 0) throw new Error(`maxmemory-policy is ${policy}: ${evicted} keys were evicted`);
}
