// raw-sql: hot (prepared); one statement instead of three for each request with a token.
import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import { isUuid } from '../../core/ids.ts';
import type { OidcGrant } from '../models/provider-records.ts';
import { userMapping, type UserRecord } from '../users.ts';
import type { Payload } from './adapter.ts';
import { run } from './postgres-query.ts';
import { type SessionRow, sessionPayload } from './postgres-sessions.ts';
import { unpack } from './record.ts';

/** What a token or a session names. Null: nothing of that kind is wanted. */
export interface RelatedIds {
  grantId: string | null;
  sessionUid: string | null;
  accountId: string | null;
}

/** What was found, as the stores of grants, sessions and accounts find it one by one. */
export interface Related {
  grant: Payload | undefined;
  session: Payload | undefined;
  account: UserRecord | null;
}

type Row = SessionRow & UserRecord & { grant: OidcGrant['payload'] | null };

const FIND = {
  name: 'related_find',
  text: `select grants.payload as grant, sessions.payload, sessions.authorizations, ${userMapping.columnsOf('users')}
    from (select) as once
    left join oidc_grants as grants
      on grants.id = $1 and grants.expires_at > to_timestamp($4::float8 / 1000)
    left join oidc_records as sessions
      on sessions.model = 'Session' and sessions.uid = $2 and sessions.consumed_at is null
        and sessions.expires_at > to_timestamp($4::float8 / 1000)
    left join users on users.id = $3::uuid and users.status <> 'deleted'`,
};

/** @returns a function that reads a grant, a session and an account at once. It throws DomainError unavailable. */
export function relatedReader({ pool, clock }: { pool: Pool; clock: Clock }) {
  return async ({ grantId, sessionUid, accountId }: RelatedIds): Promise<Related> => {
    const values = [grantId, sessionUid, isUuid(accountId) ? accountId : null, clock.now()];
    const { rows } = await run<Row>(pool, FIND, values);
    const row = rows[0]!;
    return {
      grant: grantId !== null && row.grant ? unpack(grantId, row.grant) : undefined,
      session: row.payload ? sessionPayload(row) : undefined,
      account: row.id ? (userMapping.read([row])[0] ?? null) : null,
    };
  };
}
