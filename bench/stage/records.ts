import pg from 'pg';

/** Rows in the tables behind the operators' lists. */
export interface Rows {
  people: number;
  events: number;
}

/** Service accounts for the requests: as many as there are connections. */
const OPERATORS = 32;

const OPERATE = `update clients set roles = '{administrator}'
  where id in (select 'service-' || n from generate_series(2, $1::int + 1) n)`;

const PEOPLE = `insert into users (id, username, username_key, email, email_key, name, roles, created_at, updated_at)
  select gen_random_uuid(), 'member' || n, 'member' || n, 'member' || n || '@example.org', 'member' || n || '@example.org',
    (array['Ana', 'Bo', 'Cy', 'Dee', 'Eve', 'Flo', 'Gus', 'Hal'])[1 + n % 8] || ' '
      || (array['Abbott', 'Brook', 'Carr', 'Dale', 'Ellis', 'Finch', 'Gray'])[1 + n % 7] || n,
    '{user}', now() - n * interval '1 minute', now()
  from generate_series(1, $1::int) n`;

/** A tenth of the accounts are group members. */
const GROUPS = `insert into groups (id, name, name_key, created_at, updated_at)
  select gen_random_uuid(), 'Team ' || n, 'team ' || n, now(), now() from generate_series(1, 100) n`;
const MEMBERS = `insert into group_members (group_id, account_id)
  select groups.id, users.id from users join groups on groups.name = 'Team ' || 1 + users.number % 100
  where users.number % 1000 < 100`;

/** Ten of a hundred accounts cause most events, one in 23 is a failure; apps, contracts and addresses vary. */
const EVENTS = `insert into audit_events
    (id, at, type, outcome, subject, actor_kind, actor_id, client_id, door, ip, request_id, details)
  select gen_random_uuid(), now() - n * (interval '390 days' / $1::bigint::float8),
    (array['login', 'login', 'login', 'logout', 'consent.granted', 'token.exchanged', 'user.updated', 'password.changed'])
      [1 + n % 8],
    case when n % 23 = 0 then 'failure' else 'success' end, person, 'user', person::text,
    'service-' || 2 + n % 40, (array['pages', 'api', 'oidc', 'contract:ppl'])[1 + n % 4],
    ('10.' || n % 200 || '.' || n / 200 % 250 || '.' || n * 31 % 250)::inet, gen_random_uuid()::text, '{}'
  from generate_series(1::bigint, $1) n
  cross join lateral (select ('00000000-0000-4000-8000-' || lpad((n * 104729 % 50000)::text, 12, '0'))::uuid as person) who`;

/** Indexes are created after the rows: that is faster. */
const INDEXES = `select indexname as name, indexdef as definition from pg_indexes
  where tablename = 'audit_events' and indexname <> 'audit_events_pkey'`;

/** Fills the tables behind the operators' lists. */
export async function seedRecords(databaseUrl: string, { people, events }: Rows): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(OPERATE, [OPERATORS]);
  await client.query(PEOPLE, [people]);
  await client.query(GROUPS);
  await client.query(MEMBERS);
  await client.query("select partitions_ahead('audit_events', 'month', 13, now() - interval '392 days')");
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(INDEXES);
  for (const { name } of indexes) await client.query(`drop index ${name}`);
  await client.query(EVENTS, [events]);
  for (const { definition } of indexes) await client.query(definition.replace(' ON ONLY ', ' ON '));
  await client.query('vacuum analyze users, group_members, audit_events');
  await client.end();
}
