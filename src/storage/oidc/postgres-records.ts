// raw-sql: hot (prepared); one statement decides who claims, consumes and writes a record.
import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import { CLAIM_TTL } from '../../core/replies.ts';
import { sha256 } from '../../core/ids.ts';
import type { OidcRecord } from '../models/provider-records.ts';
import type { Adapter } from './adapter.ts';
import {
  AlreadyClaimed,
  AlreadyConsumed,
  GrantGone,
  isUsedOnce,
  pack,
  ReplayDetected,
  unpack,
  type Uses,
} from './record.ts';
import { FOREIGN_KEY_VIOLATION, isState, run } from './postgres-query.ts';

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
  text: `select payload, consumed_at as "consumedAt", claimed_at as "claimedAt", claimed_from as "claimedFrom"
    from oidc_records where model = $1 and id = $2 and expires_at > to_timestamp($3::float8 / 1000)`,
};

const FREE = `model = $1 and id = $2 and consumed_at is null`;

const CLAIM_IT = {
  name: 'oidc_records_claim',
  text: `update oidc_records set claimed_at = to_timestamp($3::float8 / 1000), claimed_from = $4
    where ${FREE} and expires_at > to_timestamp($3::float8 / 1000)
      and (claimed_at is null or claimed_at <= to_timestamp(($3::float8 - ${CLAIM_TTL}) / 1000))`,
};

const IS_LEFT = {
  name: 'oidc_records_is_left',
  text: `select from oidc_records where ${FREE} and expires_at > to_timestamp($3::float8 / 1000)`,
};

const CONSUME = {
  name: 'oidc_records_consume',
  text: `update oidc_records set consumed_at = to_timestamp($3::float8 / 1000), claimed_at = null where ${FREE}`,
};

const RELEASE = {
  name: 'oidc_records_release',
  text: `update oidc_records set claimed_at = null, claimed_from = null where ${FREE} and claimed_at = to_timestamp($3::float8 / 1000)`,
};

const DESTROY = {
  name: 'oidc_records_destroy',
  text: 'delete from oidc_records where model = $1 and id = $2',
};

/** A row as it is found. */
type Found = Pick<OidcRecord, 'payload' | 'consumedAt' | 'claimedAt' | 'claimedFrom'>;

/** When a row was consumed, or claimed. */
export const usesOf = ({ consumedAt, claimedAt }: Pick<OidcRecord, 'consumedAt' | 'claimedAt'>): Uses => ({
  consumedAt: consumedAt?.getTime() ?? null,
  claimedAt: claimedAt?.getTime() ?? null,
});

/** Records of one model in `oidc_records`. The grant's foreign key decides every race between a write and its end. */
export function postgresRecords(
  model: string,
  {
    pool,
    clock,
    revokeByGrantId,
  }: {
    pool: Pool;
    clock: Clock;
    /** Deletes every record of a grant. */
    revokeByGrantId: (grantId: string) => Promise<void>;
  },
): Adapter {
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
      const { rows } = await run<Found>(pool, FIND, [model, sha256(id), clock.now()]);
      if (!rows[0]) return undefined;
      const { payload, claimedFrom, ...uses } = rows[0];
      return unpack(id, payload, { ...usesOf(uses), claimedFrom });
    },
    async claim(id, at, from) {
      const values = [model, sha256(id), at];
      if ((await run(pool, CLAIM_IT, [...values, from])).rowCount !== 0) return;
      const { rowCount } = await run(pool, IS_LEFT, values);
      throw rowCount === 0
        ? new AlreadyConsumed(`this ${model} is consumed or gone`)
        : new AlreadyClaimed(`this ${model} is claimed`);
    },
    async consume(id, at) {
      await run(pool, CONSUME, [model, sha256(id), at]);
    },
    async release(id, at) {
      await run(pool, RELEASE, [model, sha256(id), at]);
    },
    async destroy(id) {
      await run(pool, DESTROY, [model, sha256(id)]);
    },
    revokeByGrantId,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  };
}
