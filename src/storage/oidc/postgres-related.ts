// raw-sql: hot (prepared); one statement instead of three for each request with a token or a session.
import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import { isUuid, sha256 } from '../../core/ids.ts';
import { textOf } from '../../core/text.ts';
import type { OidcGrant, OidcRecord } from '../models/provider-records.ts';
import { livingSession } from '../sessions.ts';
import { userMapping, type UserRecord } from '../users.ts';
import type { Payload } from './adapter.ts';
import { run } from './postgres-query.ts';
import { usesOf } from './postgres-records.ts';
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

type Row = SessionRow & Partial<UserRecord> & { grant: OidcGrant['payload'] | null };
type TokenRow = Row &
  Pick<OidcRecord, 'consumedAt' | 'claimedAt'> & { token: Payload; grantId: string | null };

const USES = 'tokens.consumed_at as "consumedAt", tokens.claimed_at as "claimedAt"';

const COLUMNS = 'grants.payload as grant, r.payload, r.authorizations';
const ACCOUNT_COLUMNS = userMapping.columnsOf('users');
const NOW = 'to_timestamp($1::float8 / 1000)';
const GRANT = `grants.expires_at > ${NOW}`;
const SESSION = livingSession(NOW);
const ACCOUNT = "users.status <> 'deleted'";

const NAMED = `from (select) as once
    left join oidc_grants as grants on grants.id = $2 and ${GRANT}
    left join oidc_records as r on r.uid = $3 and ${SESSION}`;

/** Without the account: its columns are most of a row's cost. */
const FIND = { name: 'related_find', text: `select ${COLUMNS} ${NAMED}` };

const FIND_WITH_ACCOUNT = {
  name: 'related_find_with_account',
  text: `select ${COLUMNS}, ${ACCOUNT_COLUMNS} ${NAMED} left join users on users.id = $4::uuid and ${ACCOUNT}`,
};

/** A session is asked for only where the token ends with it. */
const FIND_REFRESH_TOKEN = {
  name: 'related_find_refresh_token',
  text: `select tokens.payload as token, tokens.grant_id as "grantId", ${USES}, ${COLUMNS}, ${ACCOUNT_COLUMNS}
    from oidc_records as tokens
    left join oidc_grants as grants on grants.id = tokens.grant_id and ${GRANT}
    left join oidc_records as r on ${SESSION}
      and r.uid = case tokens.payload ->> 'expiresWithSession' when 'true' then tokens.payload ->> 'sessionUid' end
    left join users on users.id = grants.account_id and ${ACCOUNT}
    where tokens.model = 'RefreshToken' and tokens.id = $2 and tokens.expires_at > ${NOW}`,
};

const FIND_SESSION = {
  name: 'related_find_session',
  text: `select ${COLUMNS}, ${ACCOUNT_COLUMNS}
    from oidc_records as r
    left join oidc_grants as grants on grants.id = r.authorizations -> $3::text ->> 'grantId' and ${GRANT}
    left join users on users.id = r.account_id and ${ACCOUNT}
    where r.id = $2 and ${SESSION}`,
};

const FIND_GRANT = {
  name: 'related_find_grant',
  text: `select grants.payload as grant, ${ACCOUNT_COLUMNS}
    from oidc_grants as grants left join users on users.id = grants.account_id and ${ACCOUNT}
    where grants.id = $2 and ${GRANT}`,
};

const payloadsOf = (row: Row, grantId: string | null): Omit<Related, 'session'> => ({
  grant: grantId !== null && row.grant ? unpack(grantId, row.grant) : undefined,
  account: row.id ? (userMapping.read([row])[0] ?? null) : null,
});

const withSession = (row: Row, grantId: string | null): Related => ({
  ...payloadsOf(row, grantId),
  session: row.payload ? sessionPayload(row) : undefined,
});

/** The grant of a client in a session. */
function grantOf({ authorizations }: Payload, clientId: string | null): string | null {
  const apps = authorizations as Record<string, { grantId?: unknown }> | undefined;
  return clientId !== null && apps && Object.hasOwn(apps, clientId) ? textOf(apps[clientId]?.grantId) : null;
}

/** Reads that take the place of several. They throw DomainError unavailable. */
export function relatedReader({ pool, clock }: { pool: Pool; clock: Clock }) {
  return {
    /** A grant, a session and an account at once. */
    async related({ grantId, sessionUid, accountId }: RelatedIds): Promise<Related> {
      const values = [clock.now(), grantId, sessionUid];
      const { rows } = await (isUuid(accountId)
        ? run<Row>(pool, FIND_WITH_ACCOUNT, [...values, accountId])
        : run<Row>(pool, FIND, values));
      return withSession(rows[0]!, grantId);
    },
    /** A refresh token with the grant and the account of the grant, and the session that it ends with. */
    async refreshToken(id: string): Promise<{ token: Payload; related: Related } | undefined> {
      const { rows } = await run<TokenRow>(pool, FIND_REFRESH_TOKEN, [clock.now(), sha256(id)]);
      const row = rows[0];
      if (!row) return undefined;
      const token = unpack(id, row.token, usesOf(row));
      return { token, related: withSession(row, row.grantId) };
    },
    /** A grant with its account. */
    async grant(id: string): Promise<Related | undefined> {
      const { rows } = await run<Row>(pool, FIND_GRANT, [clock.now(), id]);
      return rows[0] && { ...payloadsOf(rows[0], id), session: undefined };
    },
    /** A session by its id, with its account and, if it is signed in to this client, its grant for that. */
    async session(
      id: string,
      clientId: string | null,
    ): Promise<{ session: Payload; ids: RelatedIds; related: Related } | undefined> {
      const { rows } = await run<Row>(pool, FIND_SESSION, [clock.now(), sha256(id), clientId]);
      const row = rows[0];
      if (!row) return undefined;
      const session = unpack(id, sessionPayload(row));
      const grantId = grantOf(session, clientId);
      const ids = { grantId, sessionUid: null, accountId: textOf(session['accountId']) };
      return { session, ids, related: { ...payloadsOf(row, grantId), session: undefined } };
    },
  };
}

export type RelatedReader = ReturnType<typeof relatedReader>;
