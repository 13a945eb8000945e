import type { Pool } from 'pg';
import type { Upstream, UpstreamSettings } from '../config/index.ts';
import type { Secrets } from '../core/secrets.ts';
import type { Tx } from './postgres/transaction.ts';

export interface Upstreams {
  /** In the order of their making. */
  list(): Promise<Upstream[]>;
  /** @returns whether there was none of this id. */
  create(upstream: Upstream, tx: Tx): Promise<boolean>;
  /** @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
}

const PURPOSE = 'upstream-secret';

/** Providers that people may sign in with, in PostgreSQL, their secrets sealed. */
export function createUpstreams({ pool, secrets }: { pool: Pool; secrets: Secrets }): Upstreams {
  return {
    async list() {
      const { rows } = await pool.query<{ settings: UpstreamSettings; secret: Buffer }>(
        'select settings, secret from upstreams order by created_at, id',
      );
      return rows.map(({ settings, secret }) => ({
        ...settings,
        clientSecret: secrets.open(PURPOSE, secret),
      }));
    },
    async create({ clientSecret, ...settings }, tx) {
      const { rows } = await tx.query(
        `insert into upstreams (id, settings, secret) values ($1, $2, $3) on conflict (id) do nothing returning id`,
        [settings.id, JSON.stringify(settings), secrets.seal(PURPOSE, clientSecret)],
      );
      return rows.length > 0;
    },
    async delete(id, tx) {
      const { rows } = await tx.query('delete from upstreams where id = $1 returning id', [id]);
      return rows.length > 0;
    },
  };
}
