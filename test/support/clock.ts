import { open } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { atEnd, temporaryFolder } from './cleanup.ts';
import { createDatabase } from './postgres.ts';
import { until } from './until.ts';

/** The clock of servers under test, to be moved. */
export interface MovableClock {
  /** What a server runs with whose clock it is. */
  env: Record<string, string>;
  /** @param seconds ahead of the time, which is zero at first; the next reading of the clock has it. */
  set(seconds: number): Promise<void>;
}

/**
 * A machine's clock: alone it is wrong, for the time is the database's.
 * @param steady whether the steady clock (`performance.now()`) moves with it.
 */
export async function createClock({ steady = false } = {}): Promise<MovableClock> {
  const file = path.join(await temporaryFolder(), 'clock');
  const handle = await open(file, 'w');
  atEnd(() => handle.close());
  // Written in place and always as long: who reads it meanwhile finds a number.
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

/** Time that passes when it is told to: at a database, and at the servers on it. */
export interface MovableTime {
  /** The database, and what a server runs with that goes by its time: options of `startPostern`. */
  server: { databaseUrl: string; env: Record<string, string> };
  /** Lets time pass: when this returns it has, everywhere. Redis' own lifetimes of keys stay as they are. */
  advance(seconds: number): Promise<void>;
}

/** Stands before PostgreSQL's own functions of these names, for all who connect. */
const MOVABLE = `
  create schema movable;
  create table movable.time (ahead interval not null);
  insert into movable.time values ('0');
  create function movable.now() returns timestamptz language sql stable
    as 'select pg_catalog.now() + ahead from movable.time';
  create function movable.clock_timestamp() returns timestamptz language sql volatile
    as 'select pg_catalog.clock_timestamp() + ahead from movable.time';`;

/** What requests hold whose replies are not settled yet. */
const CLAIMED = 'select from oidc_records where claimed_at is not null';

/** A database of one's own, with a time of its own. */
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
      // What a reply used up is written down just after it: that happened before this time passes.
      const claimed = async () => (await connection.query(CLAIMED)).rowCount !== 0;
      await until(async () => !(await claimed()));
      ahead += seconds;
      // Nobody compares a server's clock with the database's while only one of them has moved.
      await connection.query('begin; lock table movable.time');
      await connection.query("update movable.time set ahead = $1 * interval '1 second'", [ahead]);
      await clock.set(ahead);
      await connection.query('commit');
    },
  };
}
