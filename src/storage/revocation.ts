// raw-sql: grants end with their marks in one statement; every verified token looks up marks (prepared).
import type { Pool } from 'pg';
import type { Clock } from '../core/clock.ts';
import { CONTRACT_CLIENT } from '../core/contract-client.ts';
import type { Logger } from '../core/logger.ts';
import type { RevocationMark } from './models/provider-records.ts';
import { run } from './oidc/postgres-query.ts';
import { endingSessions } from './oidc/postgres-sessions.ts';
import { redisGrants } from './oidc/redis-adapter.ts';
import type { Tx } from './postgres/transaction.ts';
import type { RedisClient } from './redis/client.ts';
import { RedisMarks } from './redis/marks.ts';

/**
 * Ends tokens before they expire. PostgreSQL decides what has ended. Redis has a copy that answers only while it is known to be
 * complete, so losing Redis at any moment revives nothing. What is ended in a transaction ends everywhere when that commits and
 * nowhere when it rolls back. If Redis cannot be reached at that moment, its copy may lack it for up to a minute after Redis is
 * back.
 */
export interface Revocation {
  /** Whether an access token has ended: by itself, with its grant, with its client or with what it was exchanged from. */
  isRevoked(token: MarkedToken): Promise<boolean>;
  /** Ends in `tx` what an agent got by exchange, and every token derived from it. */
  endDelegation(delegation: string, tx: Tx): Promise<void>;
  /** Ends one access token. @param expiresAt its `exp`, in seconds since the epoch. */
  endToken(jti: string, expiresAt: number): Promise<void>;
  /** Ends a grant, whether it is stored or not, with every token under it. */
  endGrant(grantId: string): Promise<void>;
  /** Ends grants in `tx`, with every token under them. */
  endGrantsById(grantIds: string[], tx: Tx): Promise<void>;
  /** Ends in `tx` a client's grants for an account, with every token under them. */
  endGrants(accountId: string, clientId: string, tx: Tx): Promise<void>;
  /** Ends in `tx` the grants of contracts for an account, whose logins have no session. */
  endContractGrants(accountIds: readonly string[], tx: Tx): Promise<void>;
  /**
   * Ends in `tx` everything that runs for an account: sessions, grants, every token and logins under way. Anything begun
   * meanwhile waits for the transaction, and is refused if that suspends or deletes the account.
   */
  endAccount(accountId: string, tx: Tx): Promise<void>;
  /**
   * Ends in `tx` what an operator who views as an account has: the session, its grants, even those for offline access, and every
   * token under them.
   */
  endView(accountId: string, view: string, tx: Tx): Promise<void>;
  /** Ends in `tx` a client for good: its grants and every token that it has, of any kind. */
  endClient(clientId: string, tx: Tx): Promise<void>;
}

/** A token, as marks know it. */
export interface MarkedToken {
  jti: string;
  grantId?: string;
  clientId: string;
  /** What it was derived from by exchange. */
  cameOf?: readonly Pick<RevocationMark, 'kind' | 'key'>[];
}

/** A mark, its expiry in milliseconds since the epoch. */
type Mark = Pick<RevocationMark, 'kind' | 'key'> & { expiresAt: number };

/** Milliseconds that the clocks of two nodes may differ by: a mark is kept until no node accepts the token. */
const SKEW = 60_000;

const time = (parameter: string): string => `to_timestamp(${parameter}::float8 / 1000)`;

const FIND_ANY = {
  name: 'revocation_marks_find_any',
  text: `select from revocation_marks
    where (kind, key) in (('token', $1), ('grant', $2), ('client', $3)) and expires_at > ${time('$4')} limit 1`,
};
const FIND_OTHERS = {
  name: 'revocation_marks_find_others',
  text: `select from unnest($1::text[], $2::text[]) as other (kind, key) join revocation_marks as mark
    on mark.kind = other.kind and mark.key = other.key where mark.expires_at > ${time('$3')} limit 1`,
};
const LOAD = {
  name: 'revocation_marks_load',
  text: `select kind, key, (extract(epoch from expires_at) * 1000)::float8 as "expiresAt"
    from revocation_marks where expires_at > ${time('$1')}`,
};
const KEEP_LATER = `on conflict (kind, key) do update
  set expires_at = greatest(revocation_marks.expires_at, excluded.expires_at)`;
const MARK = {
  name: 'revocation_marks_add',
  text: `insert into revocation_marks (kind, key, expires_at) values ($1, $2, ${time('$3')}) ${KEEP_LATER}`,
};

const END_GRANT = {
  name: 'oidc_grants_end',
  text: `with mark as (insert into revocation_marks (kind, key, expires_at) values ('grant', $1, ${time('$2')}) ${KEEP_LATER})
    delete from oidc_grants where id = $1`,
};

/** Deletes grants, and by the foreign key all that was issued under them, and marks each. $1: how long. */
const endingGrants = (condition: string): string => `
  with ended as (delete from oidc_grants where ${condition} returning id)
  insert into revocation_marks (kind, key, expires_at) select 'grant', id, ${time('$1')} from ended
  ${KEEP_LATER} returning key`;

/** Locks the account's row as well. */
const ADVANCE_SECURITY = 'update users set security_version = security_version + 1 where id = $1::uuid';
const END_SESSIONS = endingSessions('account_id = $1::uuid', '$2');
const END_VIEW = endingSessions("account_id = $1::uuid and payload -> 'view' ->> 'id' = $2", '$3');

export function createRevocation({
  pool,
  clock,
  logger,
  longestToken,
  redis,
}: {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  /** Seconds that no access token outlives. */
  longestToken: number;
  /** Without it PostgreSQL answers everything. */
  redis?: RedisClient | undefined;
}): Revocation {
  const memberOf = ({ kind, key, expiresAt }: Mark) => ({ name: `${kind}:${key}`, expiresAt });
  const until = () => clock.now() + longestToken * 1000 + SKEW;
  const copy = redis && {
    grants: redisGrants(redis),
    marks: new RedisMarks({
      redis,
      clock,
      logger,
      async load() {
        const { rows } = await run<Mark>(pool, LOAD, [clock.now()]);
        return rows.map(memberOf);
      },
    }),
  };

  /** Puts committed marks into Redis, and deletes Redis' records of the grants among them. */
  async function publish(marks: Mark[]): Promise<void> {
    if (!copy) return;
    const grants = marks.filter(({ kind }) => kind === 'grant');
    await Promise.all([
      copy.marks.add(marks.map(memberOf)),
      ...grants.map(({ key }) => copy.grants.end(key)),
    ]);
  }

  async function endGrantsWhere(condition: string, values: unknown[], tx: Tx): Promise<void> {
    const expiresAt = until();
    const { rows } = await tx.query<Pick<RevocationMark, 'key'>>(endingGrants(condition), [
      expiresAt,
      ...values,
    ]);
    const marks = rows.map(({ key }): Mark => ({ kind: 'grant', key, expiresAt }));
    tx.afterCommit(() => publish(marks));
  }

  return {
    async isRevoked({ jti, grantId, clientId, cameOf = [] }) {
      const names = [
        `token:${jti}`,
        `client:${clientId}`,
        ...cameOf.map(({ kind, key }) => `${kind}:${key}`),
      ];
      if (grantId !== undefined) names.push(`grant:${grantId}`);
      const copied = await copy?.marks.hasAny(names);
      if (copied !== undefined) return copied;
      const { rowCount } = await run(pool, FIND_ANY, [jti, grantId, clientId, clock.now()]);
      if (rowCount !== 0 || cameOf.length === 0) return rowCount !== 0;
      const [kinds, keys] = [cameOf.map(({ kind }) => kind), cameOf.map(({ key }) => key)];
      return (await run(pool, FIND_OTHERS, [kinds, keys, clock.now()])).rowCount !== 0;
    },
    async endDelegation(delegation, tx) {
      const mark: Mark = { kind: 'grant', key: delegation, expiresAt: until() };
      await tx.query(MARK.text, [mark.kind, mark.key, mark.expiresAt]);
      tx.afterCommit(() => publish([mark]));
    },
    async endToken(jti, exp) {
      const expiresAt = exp * 1000 + SKEW;
      await run(pool, MARK, ['token', jti, expiresAt]);
      await publish([{ kind: 'token', key: jti, expiresAt }]);
    },
    async endGrant(grantId) {
      const expiresAt = until();
      await run(pool, END_GRANT, [grantId, expiresAt]);
      await publish([{ kind: 'grant', key: grantId, expiresAt }]);
    },
    endGrantsById: (grantIds, tx) => endGrantsWhere('id = any($2::text[])', [grantIds], tx),
    endGrants: (accountId, clientId, tx) =>
      endGrantsWhere('account_id = $2::uuid and client_id = $3', [accountId, clientId], tx),
    endContractGrants: (accountIds, tx) =>
      endGrantsWhere(
        'account_id = any($2::uuid[]) and starts_with(client_id, $3)',
        [accountIds, CONTRACT_CLIENT],
        tx,
      ),
    async endAccount(accountId, tx) {
      await tx.query(ADVANCE_SECURITY, [accountId]);
      await tx.query(END_SESSIONS, [accountId, clock.now()]);
      await endGrantsWhere('account_id = $2::uuid', [accountId], tx);
    },
    async endView(accountId, view, tx) {
      await tx.query(END_VIEW, [accountId, view, clock.now()]);
      await endGrantsWhere(
        "account_id = $2::uuid and payload -> 'view' ->> 'id' = $3",
        [accountId, view],
        tx,
      );
    },
    async endClient(clientId, tx) {
      const mark: Mark = { kind: 'client', key: clientId, expiresAt: until() };
      await tx.query(MARK.text, [mark.kind, mark.key, mark.expiresAt]);
      tx.afterCommit(() => publish([mark]));
      await endGrantsWhere('client_id = $2', [clientId], tx);
    },
  };
}
