// raw-sql: hot (prepared); a grant is written only while its account is active and it has not ended.
import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import { isUuid } from '../../core/ids.ts';
import type { OidcGrant } from '../models/provider-records.ts';
import type { Adapter } from './adapter.ts';
import { GrantGone, notConsumed, pack, unpack } from './record.ts';
import { run } from './postgres-query.ts';

/*
 * Locks the account's row until this commits, so that a concurrent suspension or deletion comes wholly before (no grant) or
 * wholly after (it finds the grant and ends it). An ended grant stays ended.
 */
const UPSERT = {
  name: 'oidc_grants_upsert',
  text: `with owner as (select id from users where id = $2::uuid and status = 'active' for share)
    insert into oidc_grants (id, account_id, client_id, payload, expires_at)
    select $1, $2::uuid, $3, $4::json, to_timestamp($5::float8 / 1000)
      where ($2::uuid is null or exists (select from owner))
        and not exists (select from revocation_marks where kind = 'grant' and key = $1)
    on conflict (id) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
};

const FIND = {
  name: 'oidc_grants_find',
  text: 'select payload from oidc_grants where id = $1 and expires_at > to_timestamp($2::float8 / 1000)',
};

/** Grants, by their id in plain text: it grants no access. */
export function postgresGrants({
  pool,
  clock,
  endGrant,
}: {
  pool: Pool;
  clock: Clock;
  /** Ends the grant with everything issued under it. */
  endGrant: (grantId: string) => Promise<void>;
}): Adapter {
  return {
    async upsert(id, payload, expiresIn) {
      const { json, clientId, expiresAt } = pack(id, payload, clock.now(), expiresIn);
      const { accountId } = payload;
      if (accountId !== undefined && !isUuid(accountId)) throw new GrantGone('there is no such account');
      const { rowCount } = await run(pool, UPSERT, [id, accountId, clientId, json, expiresAt]);
      if (rowCount === 0) throw new GrantGone('the grant has ended, or its account may have none');
    },
    async find(id) {
      const { rows } = await run<Pick<OidcGrant, 'payload'>>(pool, FIND, [id, clock.now()]);
      return rows[0] && unpack(id, rows[0].payload);
    },
    destroy: endGrant,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    ...notConsumed('a grant'),
    revokeByGrantId: async () => undefined,
  };
}
