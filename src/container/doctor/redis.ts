import type { Config } from '../../config/index.ts';
import { reasonOf } from '../../http/ops/readiness.ts';
import { createLogger } from '../../core/logger.ts';
import { createRedis } from '../../storage/redis/client.ts';
import { type Eviction, evictionOf } from '../../storage/redis/eviction.ts';
import { compareClocks } from './checks.ts';
import { type Finding, ok, problem } from './finding.ts';

function eviction({ policy, evicted }: Eviction): Finding {
  const message = {
    key: evicted > 0 ? 'console.doctor.evictionSome' : 'console.doctor.eviction',
    params: { policy, evicted: String(evicted) },
  } as const;
  if (policy === 'noeviction') return ok('console.doctor.name.redisEviction', message);
  return problem('console.doctor.name.redisEviction', message, 'console.doctor.evictionTodo');
}

/** Checks Redis, if configured. */
export async function checkRedis({ redisUrl }: Config): Promise<Finding[]> {
  if (redisUrl === undefined) return [ok('console.doctor.name.redis', 'console.doctor.redisNone')];
  const redis = createRedis(redisUrl, createLogger('silent'));
  // Report Redis' own message; a lost connection has no other.
  let reason: string | undefined;
  redis.on('error', (error: Error) => (reason ??= reasonOf(error)));
  try {
    const [, version] = /^redis_version:(\S+)/m.exec(await redis.info('server')) ?? [];
    const evicts = await evictionOf(redis);
    const before = Date.now();
    const [seconds, microseconds] = await redis.time();
    const theirs = Number(seconds) * 1000 + Number(microseconds) / 1000;
    return [
      ok('console.doctor.name.redis', { text: `Redis ${version ?? ''}` }),
      compareClocks('redis', theirs, before, Date.now()),
      eviction(evicts),
    ];
  } catch (error) {
    const params = { error: reason ?? reasonOf(error) };
    return [
      problem(
        'console.doctor.name.redis',
        { key: 'console.doctor.redisSilent', params },
        'console.doctor.redisSilentTodo',
      ),
    ];
  } finally {
    redis.disconnect();
  }
}
