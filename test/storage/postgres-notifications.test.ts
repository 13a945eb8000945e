import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createLogger } from '../../src/core/logger.ts';
import { Notifications } from '../../src/storage/postgres/notifications.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase, startPostgres } from '../support/postgres.ts';

const logger = createLogger('silent');

async function node(databaseUrl: string): Promise<Notifications> {
  const notifications = new Notifications(databaseUrl, logger);
  await notifications.connect();
  atEnd(() => notifications.close());
  return notifications;
}

/** What a node hears under `topic`. */
function heard(notifications: Notifications, topic: string): (string | null)[] {
  const keys: (string | null)[] = [];
  notifications.subscribe(topic, (key) => void keys.push(key));
  return keys;
}

/** Waits until something else than before has been heard of: what was sent earlier must have come by then. */
async function settle(notifications: Notifications): Promise<void> {
  const marks = heard(notifications, 'mark');
  await notifications.publish('mark', 'x');
  while (marks.length === 0) await sleep(5);
}

test('tells every node, the sender too, and only of the topic', async () => {
  const { url } = await createDatabase();
  const [a, b] = await Promise.all([node(url), node(url)]);
  const [atA, atB, other] = [heard(a, 'client'), heard(b, 'client'), heard(b, 'key')];
  await a.publish('client', 'urn:a:client');
  await a.publish('client', '');
  await settle(a);
  await settle(b);
  expect(atA).toEqual(['urn:a:client', '']);
  expect(atB).toEqual(['urn:a:client', '']);
  expect(other).toEqual([]);
});

test('tells what a transaction published when it commits, and only then', async () => {
  const { url } = await createDatabase();
  const listener = await node(url);
  const keys = heard(listener, 'client');
  const pool = createPool(url, { logger, applicationName: 'test' });
  atEnd(() => pool.end());
  const transaction = await pool.connect();
  await transaction.query('begin');
  await listener.publish('client', 'undone', transaction);
  await transaction.query('rollback');
  await transaction.query('begin');
  await listener.publish('client', 'done', transaction);
  await settle(listener);
  expect(keys).toEqual([]);
  await transaction.query('commit');
  transaction.release();
  await settle(listener);
  expect(keys).toEqual(['done']);
});

test('one listener that fails, or leaves, costs the others nothing', async () => {
  const { url } = await createDatabase();
  const notifications = await node(url);
  notifications.subscribe('client', () => {
    throw new Error('broken');
  });
  const left: (string | null)[] = [];
  notifications.subscribe('client', (key) => void left.push(key))();
  const keys = heard(notifications, 'client');
  await notifications.publish('client', 'a');
  await settle(notifications);
  expect(keys).toEqual(['a']);
  expect(left).toEqual([]);
});

test('after PostgreSQL was away, says that anything may have changed, and hears again', async () => {
  const server = await startPostgres();
  const notifications = await node(server.databaseUrl());
  const keys = heard(notifications, 'client');
  for (const end of [() => server.stop(), () => server.kill()]) {
    keys.length = 0;
    await end();
    // No sooner than it has noticed.
    while (
      await notifications.publish('client', 'lost').then(
        () => true,
        () => false,
      )
    )
      await sleep(5);
    await server.start();
    while (keys.length === 0) await sleep(5);
    expect(keys).toEqual([null]);
    await notifications.publish('client', 'again');
    await settle(notifications);
    expect(keys).toEqual([null, 'again']);
  }
});

test('does not come back once closed, even while PostgreSQL is away', async () => {
  const server = await startPostgres();
  const [notifications, another] = await Promise.all([
    node(server.databaseUrl()),
    node(server.databaseUrl()),
  ]);
  const keys = heard(notifications, 'client');
  const heardByAnother = heard(another, 'client');
  await server.stop();
  await notifications.close();
  await server.start();
  // It has tried as long, and at the same pace.
  while (heardByAnother.length === 0) await sleep(5);
  await another.publish('client', 'b');
  await settle(another);
  expect(heardByAnother).toEqual([null, 'b']);
  expect(keys).toEqual([]);
  await expect(notifications.publish('client', 'a')).rejects.toThrow();
});

test('says so when PostgreSQL is not there at first', async () => {
  const databaseUrl = 'postgres://nobody@127.0.0.1:1/nothing';
  await expect(new Notifications(databaseUrl, logger).connect()).rejects.toThrow('ECONNREFUSED');
});
