// raw-sql: one statement ends sessions, or takes clients out of them, and queues the notices to these.
import type { Pool } from 'pg';
import { Op, type Attributes } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { leavingNotices } from './logout-notices.ts';
import { OidcRecord } from './models/provider-records.ts';
import { endingSessions } from './oidc/postgres-sessions.ts';
import type { Tx } from './postgres/transaction.ts';

/** A browser that an account is signed in with, or a device that it signed in by a code (RFC 8628). */
export interface SessionRecord {
  kind: 'browser' | 'device';
  /** Stays the same as long as the session lives. */
  uid: string;
  /** When the person last authenticated there. */
  signedInAt: Date;
  /** When it was last used to sign in to an app, or here; null when that is not known. */
  seenAt: Date | null;
  expiresAt: Date;
  userAgent: string | null;
  ip: string | null;
  /** The clients that it is signed in to. */
  clientIds: string[];
  /** Of a device: the session whose grant it shares, so that neither ends alone; null when it has one of its own. */
  endsWith: string | null;
  /** The operator who views as the account; only of such a session. */
  viewedBy?: string;
}

export interface Sessions {
  /** The live ones. */
  listOf(accountId: string): Promise<SessionRecord[]>;
  /** Signed-in browsers of all accounts, latest first. */
  page(request: Pick<PageRequest<never, never>, 'limit' | 'after'>): Promise<SessionPage>;
  /** The session in which a grant was given; null when that has ended. */
  holderOf(accountId: string, grantId: string): Promise<string | null>;
  /**
   * Ends in `tx` one session of an account, or all but one.
   * @returns the grants that end with each, without those for offline access.
   */
  end(
    accountId: string,
    which: { uid: string } | { except: string },
    tx: Tx,
  ): Promise<{ grantIds: string[] }[]>;
  /** Removes a client in `tx` from all sessions of an account. */
  leave(accountId: string, clientId: string, tx: Tx): Promise<void>;
}

/** Sessions with their accounts. */
export type SessionPage = Page<{
  session: SessionRecord;
  user: { id: string; email: string; name: string | null };
}>;

/** History in a session's payload. */
interface Past {
  loginTs?: number;
  seenAt?: number;
  device?: { userAgent: string | null; ip: string | null };
  view?: { operator: string };
}

const atSeconds = (seconds: number): Date => new Date(seconds * 1000);

const grantsOf = (authorizations: Attributes<OidcRecord>['authorizations']): string[] =>
  Object.values(authorizations ?? {}).flatMap(({ grantId, persistsLogout }) =>
    grantId !== undefined && persistsLogout !== true ? [grantId] : [],
  );

type Row = Pick<OidcRecord, 'payload' | 'authorizations' | 'createdAt' | 'expiresAt'> & {
  uid: string | null;
};

function sessionOf({ uid, payload, authorizations, createdAt, expiresAt }: Row): SessionRecord {
  const { loginTs, seenAt, device, view }: Past = payload;
  return {
    kind: 'browser',
    endsWith: null,
    uid: uid!,
    signedInAt: loginTs === undefined ? createdAt : atSeconds(loginTs),
    seenAt: seenAt === undefined ? null : atSeconds(seenAt),
    expiresAt,
    userAgent: device?.userAgent ?? null,
    ip: device?.ip ?? null,
    clientIds: Object.keys(authorizations ?? {}),
    ...(view && { viewedBy: view.operator }),
  };
}

/** Condition on `oidc_records r` for live sessions. @param now the SQL of the time. */
export const livingSession = (now: string): string =>
  `r.model = 'Session' and r.uid is not null and r.consumed_at is null and r.expires_at > ${now}`;

const ALL: Listing<'created_at', { livingAt: number }> = {
  from: 'oidc_records r join users u on u.id = r.account_id',
  columns: `r.uid, r.payload, r.authorizations, r.created_at as "createdAt", r.expires_at as "expiresAt",
    u.id as "accountId", u.email, u.name`,
  sorts: { created_at: { by: 'r.created_at', type: 'timestamptz' } },
  id: { by: 'r.uid', type: 'text' },
  filters: {
    livingAt: (now, parameter) => livingSession(`to_timestamp(${parameter(now)}::float8 / 1000)`),
  },
};

/** The provider's sessions of browsers, as their owners and operators see them. */
export function createSessions({ pool, clock }: { pool: Pool; clock: Clock }): Sessions {
  return {
    async listOf(accountId) {
      const found = await OidcRecord.findAll({
        attributes: ['uid', 'payload', 'authorizations', 'createdAt', 'expiresAt'],
        where: {
          model: 'Session',
          accountId,
          uid: { [Op.not]: null },
          consumedAt: null,
          expiresAt: { [Op.gt]: new Date(clock.now()) },
        },
      });
      return found.map(sessionOf);
    },
    async page({ limit, after }) {
      const request = { sort: 'created_at', descending: true, limit, after } as const;
      const page = await pageOf<
        'created_at',
        { livingAt: number },
        Row & { accountId: string; email: string; name: string | null }
      >(pool, ALL, { ...request, filters: { livingAt: clock.now() } });
      return {
        ...page,
        items: page.items.map(({ accountId: id, email, name, ...row }) => ({
          session: sessionOf(row),
          user: { id, email, name },
        })),
      };
    },
    async holderOf(accountId, grantId) {
      const { rows } = await pool.query<{ uid: string }>({
        name: 'sessions_holder',
        text: `select uid from oidc_records where model = 'Session' and account_id = $1 and consumed_at is null
            and expires_at > to_timestamp($2::float8 / 1000)
            and jsonb_path_exists(authorizations, '$.*.grantId ? (@ == $id)', jsonb_build_object('id', $3::text))
          limit 1`,
        values: [accountId, clock.now(), grantId],
      });
      return rows[0]?.uid ?? null;
    },
    async end(accountId, which, tx) {
      const [comparison, uid] = 'uid' in which ? ['=', which.uid] : ['<>', which.except];
      const { rows } = await tx.query<Pick<OidcRecord, 'authorizations'>>(
        endingSessions(`account_id = $1::uuid and uid ${comparison} $2`, '$3'),
        [accountId, uid, clock.now()],
      );
      return rows.map(({ authorizations }) => ({ grantIds: grantsOf(authorizations) }));
    },
    async leave(accountId, clientId, tx) {
      await tx.query(
        `with living as (
           select id, account_id, jsonb_build_object($2::text, authorizations -> $2::text) as authorizations
           from oidc_records
           where model = 'Session' and account_id = $1::uuid and authorizations -> $2::text is not null
             and consumed_at is null
           for update
         ), told as (${leavingNotices('living')})
         update oidc_records set authorizations = oidc_records.authorizations - $2::text from living
         where oidc_records.model = 'Session' and oidc_records.id = living.id
         returning oidc_records.id`,
        [accountId, clientId],
      );
    },
  };
}
