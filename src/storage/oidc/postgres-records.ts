import type { Pool } from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { sha256 } from '../../kernel/ids.ts';
import type { Adapter, Payload } from './adapter.ts';
import { AlreadyConsumed, GrantGone, ReplayDetected } from './errors.ts';
import { FOREIGN_KEY_VIOLATION, isState, run } from './postgres-query.ts';
import { foundExpired, isUsedOnce, pack, unpack } from './record.ts';

const INSERT = `insert into oidc_records (model, id, payload, grant_id, account_id, client_id, expires_at)
  values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000))
  on conflict (model, id) do update set`;

const UPSERT = {
  name: 'oidc_records_upsert',
  text: `${INSERT} payload = excluded.payload, grant_id = excluded.grant_id, account_id = excluded.account_id,
    client_id = excluded.client_id, expires_at = excluded.expires_at`,
};

/** Only an expired one may be overwritten. */
const INSERT_ONCE = {
  name: 'oidc_records_insert_once',
  text: `${INSERT} payload = excluded.payload, expires_at = excluded.expires_at
    where oidc_records.expires_at <= to_timestamp($8::float8 / 1000)`,
};

const FIND = {
  name: 'oidc_records_find',
  text: `select payload, (extract(epoch from consumed_at) * 1000)::float8 as consumed_at from oidc_records
    where model = $1 and id = $2 and expires_at > to_timestamp($3::float8 / 1000)`,
};

const CONSUME = {
  name: 'oidc_records_consume',
  text: `update oidc_records set consumed_at = to_timestamp($3::float8 / 1000)
    where model = $1 and id = $2 and consumed_at is null and expires_at > to_timestamp($3::float8 / 1000)`,
};

const DESTROY = {
  name: 'oidc_records_destroy',
  text: 'delete from oidc_records where model = $1 and id = $2',
};

interface Dependencies {
  pool: Pool;
  clock: Clock;
  /** Deletes every record of a grant. */
  revokeByGrantId: (grantId: string) => Promise<void>;
}

/** Records of one model in `oidc_records`. The grant's foreign key decides every race between a write and its end. */
export function postgresRecords(model: string, { pool, clock, revokeByGrantId }: Dependencies): Adapter {
  return {
    async upsert(id, payload, expiresIn) {
      const now = clock.now();
      const record = pack(id, payload, now, expiresIn);
      const { key, json, grantId, accountId, clientId, expiresAt } = record;
      const values = [model, key, json, grantId, accountId, clientId, expiresAt];
      if (isUsedOnce(model)) {
        const { rowCount } = await run(pool, INSERT_ONCE, [...values, now]);
        if (rowCount === 0) throw new ReplayDetected(`this ${model} was seen before`);
        return;
      }
      await run(pool, UPSERT, values).catch((error: unknown) => {
        throw isState(error, FOREIGN_KEY_VIOLATION)
          ? new GrantGone('its grant has ended', { cause: error })
          : error;
      });
    },
    async find(id) {
      const since = clock.now() - foundExpired(model);
      const { rows } = await run<{ payload: Payload; consumed_at: number | null }>(pool, FIND, [
        model,
        sha256(id),
        since,
      ]);
      return rows[0] && unpack(id, rows[0].payload, rows[0].consumed_at);
    },
    async consume(id) {
      const { rowCount } = await run(pool, CONSUME, [model, sha256(id), clock.now()]);
      if (rowCount === 0) throw new AlreadyConsumed(`this ${model} is consumed or gone`);
    },
    async destroy(id) {
      await run(pool, DESTROY, [model, sha256(id)]);
    },
    revokeByGrantId,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  };
}
