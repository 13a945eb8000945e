import { readFileSync } from 'node:fs';
import type { Target } from '../client/target.ts';

/** What a compared server is told: the people, clients and APIs that Postern has too. */
export interface ServerSettings extends Omit<Target, 'pid'> {
  /** Postern's adapters over these stores; null: the library's own, in memory. */
  stores: { databaseUrl: string; redisUrl: string } | null;
}

/** Reads the file that the first argument names. */
export function serverSettings(): ServerSettings {
  return JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ServerSettings;
}
