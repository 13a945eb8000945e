import { setImmediate as turn } from 'node:timers/promises';
import type { RedisClient } from './client.ts';

/** For each member that is looked up: the score of the member that every set is asked for, then its own; null if it is not there. */
export type Scores = (
  asked: readonly (readonly [key: string, member: string])[],
) => Promise<[always: string | null, score: string | null][]>;

interface Batch {
  members: Map<string, string[]>;
  replies: Promise<Map<string, (string | null)[]>>;
}

/**
 * Looks up scores of members of sorted sets. All look-ups within one turn of the event loop go out in one write, with one command
 * for each set: under load a look-up costs a fraction of its own command.
 * @param always a member that is looked up in each set.
 */
export function createScores(redis: RedisClient, always: string): Scores {
  let open: Batch | null = null;

  function begin(): Batch {
    const members: Batch['members'] = new Map();
    const send = async () => {
      await turn();
      open = null;
      const replies = [...members].map(
        async ([key, all]) => [key, await redis.zmscore(key, ...all)] as const,
      );
      return new Map(await Promise.all(replies));
    };
    return { members, replies: send() };
  }

  return async (asked) => {
    const batch = (open ??= begin());
    const places = asked.map(([key, member]) => {
      let members = batch.members.get(key);
      if (!members) batch.members.set(key, (members = [always]));
      return members.push(member) - 1;
    });
    const replies = await batch.replies;
    return asked.map(([key], index) => {
      const scores = replies.get(key) ?? [];
      return [scores[0] ?? null, scores[places[index]!] ?? null];
    });
  };
}
