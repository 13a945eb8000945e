import { open } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { atEnd, temporaryFolder } from './cleanup.ts';
import { createDatabase } from './postgres.ts';
import { until } from './until.ts';

/** Movable clock of servers under test. */
export interface MovableClock {
  /** Environment of a server that uses this clock. */
  env: Record<string, string>;
  /** @param seconds ahead of the real time, initially zero; counts from the next reading of the clock on. */
  set(seconds: number): Promise<void>;
}

/**
 * Creates the clock of one machine. Moved alone it differs from the time of the database, which Postern
 * uses.
 * @param steady whether the monotonic clock (`performance.now()`) moves too.
 */
export async function createClock({ steady = false } = {}): Promise<MovableClock> {
  const file = path.join(await temporaryFolder(), 'clock');
  const handle = await open(file, 'w');
  atEnd(() => handle.close());
  // Written in place with a fixed length, so that a concurrent read finds a complete number.
  const set = async (seconds: number) => {
    await handle.write(String(seconds).padEnd(16), 0);
  };
  await set(0);
  const preload = path.join(import.meta.dirname, 'clock-preload.ts');
  return {
    env: {
      NODE_OPTIONS: `--import ${preload}`,
      CLOCK_FILE: file,
      ...(steady ? { CLOCK_STEADY: 'yes' } : {}),
    },
    set,
  };
}

/** Movable time of a database and of the servers on it. */
export interface MovableTime {
  /** Options of `startPostern` for a server on this database and its time. */
  server: { databaseUrl: string; env: Record<string, string> };
  /** Moves the time everywhere before it returns. Lifetimes of Redis keys stay unchanged. */
  advance(seconds: number): Promise<void>;
}

/** Shadows PostgreSQL's functions of these names for every connection. */
const MOVABLE = `
  create schema movable;
  create table movable.time (ahead interval not null);
  insert into movable.time values ('0');
  create function movable.now() returns timestamptz language sql stable
    as 'select pg_catalog.now() + ahead from movable.time';
  create function movable.clock_timestamp() returns timestamptz language sql volatile
    as 'select pg_catalog.clock_timestamp() + ahead from movable.time';`;

/** Marks of requests whose replies are not settled yet. */
const CLAIMED = 'select from oidc_records where claimed_at is not null';

/** Creates a separate database with its own time. */
export async function movableTime(): Promise<MovableTime> {
  const { url } = await createDatabase();
  const connection = new Client({ connectionString: url });
  connection.on('error', () => undefined);
  await connection.connect();
  atEnd(() => connection.end());
  await connection.query(MOVABLE);
  const name = new URL(url).pathname.slice(1);
  await connection.query(`alter database ${name} set search_path = public, movable, pg_catalog`);
  const clock = await createClock({ steady: true });
  let ahead = 0;
  return {
    server: { databaseUrl: url, env: clock.env },
    async advance(seconds) {
      // What a reply consumes is recorded just after the reply: wait for that before the time moves.
      const claimed = async () => (await connection.query(CLAIMED)).rowCount !== 0;
      await until(async () => !(await claimed()));
      ahead += seconds;
      // Move both clocks while no server compares them.
      await connection.query('begin; lock table movable.time');
      await connection.query("update movable.time set ahead = $1 * interval '1 second'", [ahead]);
      await clock.set(ahead);
      await connection.query('commit');
    },
  };
}
