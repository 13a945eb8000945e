// raw-sql: the operator's query in another service's database.
import { createPool } from './postgres/pool.ts';
import type { Logger } from '../core/logger.ts';

/** Another service's database, opened read-only. */
export interface LegacyDatabase {
  /** @throws PostgreSQL's error, also after `timeout`. */
  rows(statement: string, values: readonly unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Maximum of connections: only first logins of people use them. */
const CONNECTIONS = 4;

/**
 * Connects with the first query.
 * @param options.timeout milliseconds.
 */
export function openLegacyDatabase(
  url: string,
  { name, timeout, logger }: { name: string; timeout: number; logger: Logger },
): LegacyDatabase {
  const pool = createPool(url, {
    logger,
    applicationName: `postern-${name}`,
    max: CONNECTIONS,
    timeout,
  });
  return {
    async rows(statement, values) {
      const client = await pool.connect();
      try {
        await client.query('begin read only');
        const { rows } = await client.query<Record<string, unknown>>(statement, [...values]);
        await client.query('rollback');
        client.release();
        return rows;
      } catch (error) {
        // Whatever its state: the next query gets another connection.
        client.release(true);
        throw error;
      }
    },
    close: () => pool.end(),
  };
}
