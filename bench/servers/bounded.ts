import { availableParallelism } from 'node:os';
import { readSettings } from '../../src/config/settings.ts';

const { settings, problems } = readSettings('production', undefined);
if (!settings) throw new Error(problems.join('\n'));

/** What Postern hashes passwords with. */
export const { argon2 } = settings.passwords;

const concurrency = settings.passwords.hashing.concurrency || Math.max(1, availableParallelism() - 1);
let free = concurrency;
const waiting: (() => void)[] = [];

/** Runs `work` with as many at a time as one process of Postern would. */
export async function bounded<T>(work: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}
