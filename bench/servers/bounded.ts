import { availableParallelism } from 'node:os';
import { readSettings } from '../../src/config/settings.ts';

const { settings, problems } = readSettings('production', undefined);
if (!settings) throw new Error(problems.join('\n'));

/** Postern's parameters for password hashes. */
export const { argon2 } = settings.passwords;

const concurrency = settings.passwords.hashing.concurrency || Math.max(1, availableParallelism() - 1);
let free = concurrency;
const waiting: (() => void)[] = [];

/** Runs `work` with the concurrency of one Postern process. */
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
