import { setImmediate as turn } from 'node:timers/promises';
import type { RedisClient } from './client.ts';

/** The scores of members of a sorted set, in their order; null for one that is not in it. */
export type Scores = (key: string, members: string[]) => Promise<(string | null)[]>;

interface Batch {
  members: Map<string, string[]>;
  replies: Promise<Map<string, (string | null)[]>>;
}

/**
 * Looks up scores. All look-ups within one turn of the event loop go out in one write, with one command for each set: under load
 * a look-up costs a fraction of its own command.
 */
export function createScores(redis: RedisClient): Scores {
  let open: Batch | null = null;

  /** The keys of a pipeline must share a node; a cluster routes each command by itself. */
  async function ask(asked: [key: string, members: string[]][]): Promise<(string | null)[][]> {
    if (redis.isCluster) return Promise.all(asked.map(([key, members]) => redis.zmscore(key, ...members)));
    const pipeline = redis.pipeline();
    for (const [key, members] of asked) pipeline.zmscore(key, ...members);
    const replies = await pipeline.exec();
    return asked.map((_one, index) => {
      const [error, scores] = replies?.[index] ?? [new Error('no reply')];
      if (error) throw error;
      return scores as (string | null)[];
    });
  }

  function begin(): Batch {
    const members: Batch['members'] = new Map();
    const send = async () => {
      await turn();
      open = null;
      const asked = [...members];
      const scores = await ask(asked);
      return new Map(asked.map(([key], index) => [key, scores[index]!]));
    };
    return { members, replies: send() };
  }

  return async (key, members) => {
    const batch = (open ??= begin());
    const all = batch.members.get(key) ?? [];
    batch.members.set(key, all);
    const end = all.push(...members);
    const replies = await batch.replies;
    return replies.get(key)!.slice(end - members.length, end);
  };
}
