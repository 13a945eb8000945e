import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { createLogger } from '../../src/core/logger.ts';
import { Secrets } from '../../src/core/secrets.ts';
import { createAdapters } from '../../src/storage/oidc/adapters.ts';
import { createSweeper } from '../../src/storage/oidc/sweeper.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { accountOf } from './seed.ts';

const DAY = 86_400_000;
/** Seconds. */
const HOUR = 3_600;
/** Concurrent requests, about as many as a worker has connections. */
const AT_ONCE = 8;

/** A table after a week: sizes in megabytes, and the share of heap-only (HOT) updates. */
export interface Bloat {
  table: string;
  live: number;
  dead: number;
  size: number;
  indexes: number;
  hot: number;
}

const BLOAT = `select relname as table, n_live_tup::int as live, n_dead_tup::int as dead, (pg_table_size(relid) / 1e6)::float8 as size,
    (pg_indexes_size(relid) / 1e6)::float8 as indexes, n_tup_hot_upd::float8 / greatest(n_tup_upd, 1) as hot
  from pg_stat_user_tables where relname in ('oidc_grants', 'oidc_records', 'users') order by 1`;

const PEOPLE = `insert into users (id, username, username_key, email, email_key)
  select md5('account' || n)::uuid, 'member' || n, 'member' || n, 'member' || n || '@example.org', 'member' || n || '@example.org'
  from generate_series(1, $1::int) n`;

/** Resets the storage parameters of tables: vacuum and fill factor as the server's defaults. */
const RESETS = `select format('alter table %s reset (%s)', oid::regclass,
    (select string_agg(split_part(option, '=', 1), ', ') from unnest(reloptions) option)) as reset
  from pg_class where relkind = 'r' and reloptions is not null and relnamespace = 'public'::regnamespace`;

const LOGGED_IN = 'update users set last_login_at = to_timestamp($2::float8 / 1000) where id = $1';

const secret = () => randomBytes(32).toString('base64url');

/** A simulated week in one database. */
export interface Week extends AsyncDisposable {
  /** Plays an hour, from 0: what people do in it, then a sweep. */
  play(hour: number): Promise<void>;
  /** What it has left so far. */
  bloat(): Promise<Bloat[]>;
}

/**
 * Prepares a week of `people` who sign in daily, through Postern's stores and with a clock that is moved: each day a
 * login (a session, saved three times, and a grant) and three refreshes. The sweeper runs every hour.
 * @param isPlain whether tables have the server's settings instead of their own.
 */
export async function prepareWeek(databaseUrl: string, people: number, isPlain: boolean): Promise<Week> {
  const logger = createLogger('warn');
  const open = new AsyncDisposableStack();
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  open.defer(async () => client.end());
  const { rows: settings } = await client.query<{ reset: string }>(RESETS);
  if (isPlain) for (const { reset } of settings) await client.query(reset);
  await client.query(PEOPLE, [people]);

  const clientId = 'app';
  const began = Date.now() - 7 * DAY;
  let now = began;
  const clock = { now: () => now };
  const pool = createPool(databaseUrl, { logger, applicationName: 'bench' });
  open.defer(async () => pool.end());
  // The sweeper finds tables through their models.
  createSequelize(pool, new Secrets(secret()));
  const adapters = createAdapters({ pool, clock, endGrant: async () => undefined });
  const sweeper = createSweeper({ pool, clock, logger });
  const sessions = adapters('Session');
  const grants = adapters('Grant');
  const tokens = adapters('RefreshToken');
  const held = new Map<number, { token: string; grantId: string }>();

  const issue = async (token: string, grantId: string, n: number): Promise<void> => {
    const [seconds, life] = [Math.floor(now / 1000), 14 * 24 * HOUR];
    const payload = {
      iat: seconds,
      exp: seconds + life,
      accountId: accountOf(n),
      acr: 'urn:postern:acr:1fa',
      amr: ['pwd'],
      authTime: seconds,
      iiat: seconds,
      grantId,
      gty: 'authorization_code refresh_token',
      rotations: 1,
      scope: 'openid offline_access',
      sessionUid: grantId,
      kind: 'RefreshToken',
      clientId,
    };
    await tokens.upsert(token, payload, life);
  };
  const login = async (n: number): Promise<void> => {
    const [id, uid, grantId, token] = [secret(), secret(), secret(), secret()];
    const accountId = accountOf(n);
    await pool.query(LOGGED_IN, [accountId, now]);
    const openid = { scope: 'openid profile email' };
    await grants.upsert(grantId, { accountId, clientId, openid, kind: 'Grant' }, 90 * 24 * HOUR);
    const authorizations = { [clientId]: { sid: uid, grantId, persistsLogout: true } };
    for (let save = 0; save < 3; save += 1) {
      now += 5;
      const payload = { uid, accountId, amr: ['pwd'], kind: 'Session', seenAt: now, authorizations };
      await sessions.upsert(id, payload, 12 * HOUR);
    }
    await issue(token, grantId, n);
    held.set(n, { token, grantId });
  };
  const refresh = async (n: number): Promise<void> => {
    const { token, grantId } = held.get(n)!;
    const at = now;
    const next = createHash('sha256').update(token).digest('base64url');
    await tokens.find(token);
    await tokens.claim(token, at);
    await issue(next, grantId, n);
    await tokens.consume(token, at);
    held.set(n, { token: next, grantId });
  };

  const everybody = Array.from({ length: people }, (_, index) => index + 1);
  return {
    async play(hour) {
      now = Math.max(now, began + hour * HOUR * 1000);
      // Each signs in at a fixed hour of the day and refreshes every fourth hour after it.
      const due = everybody.flatMap((n) => {
        const since = (hour + 24 - (n % 24)) % 24;
        if (since === 0) return [async () => login(n)];
        return since % 4 === 0 && since <= 12 && held.has(n) ? [async () => refresh(n)] : [];
      });
      const waiting = due.values();
      const workers = Array.from({ length: AT_ONCE }, async () => {
        for (const work of waiting) await work();
      });
      await Promise.all(workers);
      await sweeper.sweep();
    },
    async bloat() {
      await client.query('select pg_stat_force_next_flush()');
      const { rows } = await client.query<Bloat>(BLOAT);
      return rows;
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
