import { readFileSync } from 'node:fs';
import type { Target } from '../client/target.ts';

/** Settings of a compared server: the same people, clients and APIs as Postern's. */
export interface ServerSettings extends Omit<Target, 'pid'> {
  /** Postern's adapters over these stores; null: the library's own, in memory. */
  stores: { databaseUrl: string; redisUrl: string } | null;
}

/** Reads the file that the first argument names. */
export function serverSettings(): ServerSettings {
  return JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ServerSettings;
}
