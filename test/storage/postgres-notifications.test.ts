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

/** Collects what a node receives for `topic`. */
function heard(notifications: Notifications, topic: string): (string | null)[] {
  const keys: (string | null)[] = [];
  notifications.subscribe(topic, (key) => void keys.push(key));
  return keys;
}

/** Waits until another change has been announced: everything sent earlier must have arrived by then. */
async function settle(notifications: Notifications): Promise<void> {
  const marks = heard(notifications, 'mark');
  await notifications.publish('mark', 'x');
  while (marks.length === 0) await sleep(5);
}

test('a notification reaches every node including the sender, and only on its topic', async () => {
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

test('a notification from a transaction is delivered when it commits, and only then', async () => {
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

test('a notification listener that fails or leaves does not affect others', async () => {
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

test('after an outage of PostgreSQL, listeners are told that anything may have changed, and receive again', async () => {
  const server = await startPostgres();
  const notifications = await node(server.databaseUrl());
  const keys = heard(notifications, 'client');
  for (const end of [() => server.stop(), () => server.kill()]) {
    keys.length = 0;
    await end();
    // Not before it has noticed.
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

test('notifications do not reconnect once closed, even while PostgreSQL is down', async () => {
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
  // The other one has tried for as long, at the same pace.
  while (heardByAnother.length === 0) await sleep(5);
  await another.publish('client', 'b');
  await settle(another);
  expect(heardByAnother).toEqual([null, 'b']);
  expect(keys).toEqual([]);
  await expect(notifications.publish('client', 'a')).rejects.toThrow();
});

test('the start says so if PostgreSQL is unreachable', async () => {
  const databaseUrl = 'postgres://nobody@127.0.0.1:1/nothing';
  await expect(new Notifications(databaseUrl, logger).connect()).rejects.toThrow('ECONNREFUSED');
});
