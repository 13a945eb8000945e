import { hash } from 'node:crypto';
import pg from 'pg';

/** Rows to fill a database with. */
export interface Size {
  accounts: number;
  /**
   * Refresh tokens, spread over as many grants as there are sessions. The last one of each grant is valid; the
   * others are consumed.
   */
  tokens: number;
  events: number;
  sessions: number;
}

/** The name of account `n`, from 1. Its password is that of `person1`. */
export const usernameOf = (n: number): string => `member${n}`;

/** The id of account `n`. */
export const accountOf = (n: number): string =>
  hash('md5', `account${n}`).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** A valid refresh token: the last one of grant `n`, from 0. */
export const tokenOf = (n: number, { tokens, sessions }: Size): string =>
  `seeded-${n + sessions * (Math.ceil((tokens - n) / sessions) - 1)}`;

const ACCOUNT = (n: string) => `md5('account' || (${n}))::uuid`;
const URL_SAFE = (digest: string) => `translate(rtrim(encode(${digest}, 'base64'), '='), '+/', '-_')`;
const ID = (kind: string, n: string) => URL_SAFE(`sha256(('${kind}' || (${n}))::bytea)`);
const OWNER = (grant: string) => ACCOUNT(`1 + (${grant}) % $accounts`);
/** Times spread over the last ten days in the order of the numbers, so that nothing expires during the measurement. */
const TIME = (n: string, of: string) => `now() - interval '11 days' + (${n}) * (interval '10 days' / ${of})`;

const USERS = `insert into users (id, username, username_key, email, email_key, name, roles, password_hash, password_changed_at,
    created_at, updated_at)
  select ${ACCOUNT('n')}, 'member' || n, 'member' || n, 'member' || n || '@example.org', 'member' || n || '@example.org',
    (array['Ana', 'Bo', 'Cy', 'Dee', 'Eve', 'Flo', 'Gus', 'Hal'])[1 + n % 8] || ' '
      || (array['Abbott', 'Brook', 'Carr', 'Dale', 'Ellis', 'Finch', 'Gray'])[1 + n % 7] || n,
    roles, password_hash, password_changed_at, now() - n * interval '1 minute', now()
  from users, generate_series(1, $accounts) n where username = 'person1'`;

const SCOPES = 'openid profile email offline_access';

const GRANTS = `insert into oidc_grants (id, account_id, client_id, payload, created_at, expires_at)
  select ${ID('grant', 'n')}, owner, '$client', format(
      '{"iat":%s,"exp":%s,"accountId":"%s","clientId":"$client","openid":{"scope":"${SCOPES}"},"kind":"Grant"}',
      extract(epoch from at)::int, extract(epoch from at)::int + 7776000, owner)::json, at, at + interval '90 days'
  from generate_series(0, $sessions - 1) n, lateral (select ${OWNER('n')} as owner, ${TIME('n', '$sessions')} as at) of`;

/** Payloads as the library writes them; `%` numbers are the arguments of `format`. */
const TOKEN_PAYLOAD = `'{"iat":%1$s,"exp":%2$s,"accountId":"%3$s","acr":"urn:postern:acr:1fa","amr":["pwd"],"authTime":%4$s,"iiat":%4$s,'
  '"grantId":"%5$s","gty":"authorization_code refresh_token","rotations":%6$s,"scope":"openid offline_access",'
  '"sessionUid":"%7$s","kind":"RefreshToken","clientId":"$client"}'`;

const TOKENS = `insert into oidc_records (model, id, payload, grant_id, client_id, consumed_at, created_at, expires_at)
  select 'RefreshToken', ${ID('seeded-', 'n')}, format(${TOKEN_PAYLOAD}, extract(epoch from at)::int,
      extract(epoch from at)::int + 1209600, owner, extract(epoch from at)::int - rotation * 86400, grant_id, rotation, uid)::json,
    grant_id, '$client', case when n + $sessions < $tokens then at + interval '1 day' end, at, at + interval '14 days'
  from generate_series(0, $tokens - 1) n, lateral (select ${OWNER('n % $sessions')} as owner, n / $sessions as rotation,
    ${ID('grant', 'n % $sessions')} as grant_id, ${ID('session', 'n % $sessions')} as uid, ${TIME('n', '$tokens')} as at) of`;

const SESSION_PAYLOAD = `'{"iat":%1$s,"exp":%2$s,"uid":"%3$s","accountId":"%4$s","loginTs":%1$s,"amr":["pwd"],"acr":"urn:postern:acr:1fa",'
  '"transient":false,"device":{"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","ip":"192.0.2.1"},'
  '"seenAt":%1$s,"kind":"Session"}'`;

const SESSIONS = `insert into oidc_records (model, id, payload, authorizations, account_id, uid, created_at, expires_at)
  select 'Session', ${ID('browser', 'n')}, format(${SESSION_PAYLOAD}, extract(epoch from at)::int,
      extract(epoch from at)::int + 1209600, uid, owner)::json,
    jsonb_build_object('$client', jsonb_build_object('sid', ${ID('sid', 'n')}, 'grantId', ${ID('grant', 'n')}, 'persistsLogout', true)),
    owner, uid, at, at + interval '14 days'
  from generate_series(0, $sessions - 1) n, lateral (select ${OWNER('n')} as owner, ${ID('session', 'n')} as uid,
    ${TIME('n', '$sessions')} as at) of`;

/** One of 23 events is a failure, a third has no account; apps, contracts and addresses vary. */
const EVENTS = `insert into audit_events
    (id, at, type, outcome, subject, actor_kind, actor_id, client_id, door, ip, request_id, details)
  select md5('event' || n)::uuid, ${TIME('n', '$events')},
    (array['login', 'login', 'login', 'logout', 'consent.granted', 'token.exchanged', 'user.updated', 'password.changed'])[1 + n % 8],
    case when n % 23 = 0 then 'failure' else 'success' end, person,
    case when person is null then 'system' else 'user' end, person::text, case when n % 2 = 0 then 'service-' || 2 + n % 40 end,
    (array['pages', 'api', 'oidc', 'contract:ppl'])[1 + n % 4],
    case when person is not null then ('10.' || n % 200 || '.' || n / 200 % 250 || '.' || n * 31 % 250)::inet end,
    case when person is not null then md5('request' || n)::uuid::text end, '{"amr": ["pwd"]}'
  from generate_series(0::bigint, $events - 1) n, lateral (
    select case when n % 3 > 0 then ${ACCOUNT('1 + n * 104729 % $accounts')} end as person) who`;

interface Definition {
  name: string;
  definition: string;
  constraint: boolean;
}

/** Indexes of a table except the key that foreign keys refer to. */
const INDEXES = `select c.relname as name, coalesce(pg_get_constraintdef(k.oid), replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON ')) as definition,
    k.oid is not null as "constraint"
  from pg_index i join pg_class c on c.oid = i.indexrelid left join pg_constraint k on k.conindid = c.oid and k.contype in ('p', 'u')
  where i.indrelid = $1::regclass and not exists (select from pg_constraint where conindid = c.oid and contype = 'f')`;

/**
 * A connection that fills tables and creates indexes afterwards. Triggers and foreign keys are off: the rows are
 * consistent.
 */
async function loader(databaseUrl: string, size: Size, clientId: string, tell: (step: string) => void) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    "set session_replication_role = replica; set maintenance_work_mem = '1GB'; set jit = off",
  );
  const fill = (text: string) =>
    text.replaceAll(/\$(accounts|tokens|events|sessions|client)/g, (_, name: string) =>
      name === 'client' ? clientId : String(size[name as keyof Size]),
    );

  /** In one transaction with the truncation, so that PostgreSQL need not write WAL. */
  async function load(table: string, statements: string[]): Promise<void> {
    const began = performance.now();
    const after = () => `after ${((performance.now() - began) / 1000).toFixed(0)} s`;
    await client.query('begin');
    if (table !== 'users') await client.query(`truncate ${table} cascade`);
    const { rows: indexes } = await client.query<Definition>(INDEXES, [table]);
    for (const { name, constraint } of indexes)
      await client.query(constraint ? `alter table ${table} drop constraint ${name}` : `drop index ${name}`);
    for (const statement of statements) await client.query(fill(statement));
    tell(`${table}: rows ${after()}`);
    for (const { name, definition, constraint } of indexes)
      await client.query(
        constraint ? `alter table ${table} add constraint ${name} ${definition}` : definition,
      );
    await client.query('commit');
    tell(`${table}: indexes ${after()}`);
    await client.query(`vacuum (freeze, analyze) ${table}`);
    tell(`${table}: done ${after()}`);
  }
  return { client, load };
}

/**
 * Fills a database that has clients and `person1`.
 * @param clientId the app that the tokens are for. @param tell is called with each step.
 */
export async function seed(
  databaseUrl: string,
  size: Size,
  clientId: string,
  tell: (step: string) => void,
): Promise<void> {
  const records = await loader(databaseUrl, size, clientId, tell);
  const audit = await loader(databaseUrl, size, clientId, tell);
  const filling = audit.load('audit_events', [EVENTS]);
  await records.client.query("update clients set roles = '{administrator}' where id = 'service-2'");
  await records.load('users', [USERS]);
  await records.load('oidc_grants', [GRANTS]);
  await records.load('oidc_records', [TOKENS, SESSIONS]);
  await filling;
  await Promise.all([records, audit].map(({ client }) => client.end()));
}
