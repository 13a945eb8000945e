import { expect, test } from '@jest/globals';
import { systemClock } from '../../src/core/clock.ts';
import { createMessageRenderer } from '../../src/mail/renderer.ts';
import { createSmtpTransport } from '../../src/mail/transport.ts';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import { startPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { logger, notice, openPostOffice } from './post-office.ts';
import { settings } from './settings.ts';
import { SmtpSink, type Behaviour } from './smtp-sink.ts';

const from = { name: 'Postern', address: 'no-reply@example.com' };
const office = openPostOffice();

/** A server for `dispatch`, and the addresses of the messages that it accepted. */
async function open() {
  const sink = await SmtpSink.start();
  return { sink, transport: createSmtpTransport(sink.url, from), arrived: () => arrivedAt(sink) };
}
const arrivedAt = (sink: SmtpSink) => sink.accepted.map(({ to }) => to?.[0]?.address);

test('the dispatcher sends a message as soon as it is committed', async () => {
  const { dispatch, post, waiting } = await office;
  const { transport, arrived } = await open();
  const dispatcher = await dispatch(transport);
  await post(notice('a@example.com'));
  await until(async () => (await waiting()) === 0);
  expect(arrived()).toEqual(['a@example.com']);
  await Promise.all(Array.from({ length: 30 }, (_, index) => post(notice(`n${index}@example.com`))));
  await until(async () => (await waiting()) === 0);
  expect(new Set(arrived()).size).toBe(31);
  expect(arrived()).toHaveLength(31);
  await dispatcher.stop();
});

test('the dispatcher sends messages committed while none was running', async () => {
  const { dispatch, post, waiting } = await office;
  const { transport, arrived } = await open();
  await post(notice('early@example.com'));
  const dispatcher = await dispatch(transport);
  await until(async () => (await waiting()) === 0);
  expect(arrived()).toEqual(['early@example.com']);
  await dispatcher.stop();
});

test.each<Behaviour>([
  'refuse-recipient-for-now',
  'refuse-recipient',
  'refuse-message-for-now',
  'refuse-message',
  'stall-greeting',
  'stall-reply',
  'close-in-message',
  'close-before-reply',
])('the dispatcher retries while the mail server fails, until it is back: %s', async (behaviour) => {
  const { dispatch, post, hurry, attempts, waiting } = await office;
  const { sink, transport, arrived } = await open();
  sink.behaviour = behaviour;
  // On a busy machine a message takes a moment: what is cut off too early was not seen by the server.
  const send = behaviour.startsWith('stall') ? 1_000 : 10_000;
  const dispatcher = await dispatch(transport, { timing: { send } });
  await post(notice('patient@example.com'));
  await until(async () => {
    await hurry();
    return (await attempts()) >= 4;
  });
  expect(arrived()).toEqual([]);
  sink.behaviour = 'accept';
  await until(async () => {
    await hurry();
    return (await waiting()) === 0;
  });
  expect(arrived()).toEqual(['patient@example.com']);
  // Each attempt transmits the message once, and repeated messages have the same id.
  const readWhole = ['refuse-message-for-now', 'refuse-message', 'stall-reply', 'close-before-reply'];
  if (readWhole.includes(behaviour)) expect(sink.seen.length).toBeGreaterThanOrEqual(4);
  else expect(sink.seen).toHaveLength(1);
  expect(new Set(sink.seen.map(({ messageId }) => messageId)).size).toBe(1);
  expect(new Set(sink.seen.map(({ date }) => date)).size).toBe(1);
  await dispatcher.stop();
});

test('an attempt without a reply transmits the message once', async () => {
  const { dispatch, post, attempts, hurry, waiting } = await office;
  const { sink, transport } = await open();
  sink.behaviour = 'close-before-reply';
  const dispatcher = await dispatch(transport);
  await post(notice('once@example.com'));
  await until(async () => (await attempts()) === 1 && sink.seen.length > 0);
  await dispatcher.stop();
  expect(sink.seen).toHaveLength(1);
  const other = await open();
  const next = await dispatch(other.transport);
  await until(async () => {
    await hurry();
    return (await waiting()) === 0;
  });
  expect(other.sink.seen[0]?.messageId).toBe(sink.seen[0]?.messageId);
  await next.stop();
});

test('the dispatcher waits for a server that is down, and notices when it is back', async () => {
  const { dispatch, post, waiting, attempts } = await office;
  const { sink, transport, arrived } = await open();
  await sink.stop();
  const dispatcher = await dispatch(transport, { timing: { poll: 50 } });
  await post(notice('away@example.com'));
  await until(async () => (await attempts()) >= 2);
  await sink.start();
  await until(async () => (await waiting()) === 0);
  expect(arrived()).toEqual(['away@example.com']);
  await dispatcher.stop();
});

test('a message that stalls does not delay others', async () => {
  const { dispatch, post, hurry, waiting } = await office;
  const { sink, transport, arrived } = await open();
  sink.behaviour = 'stall-reply';
  const dispatcher = await dispatch(transport, { timing: { send: 1_500 } });
  await post(notice('stalled@example.com'));
  await until(() => sink.seen.length === 1);
  sink.behaviour = 'accept';
  await post(notice('quick@example.com'));
  await until(() => arrived().includes('quick@example.com'));
  expect(arrived()).toEqual(['quick@example.com']);
  await until(async () => {
    await hurry();
    return (await waiting()) === 0;
  });
  expect(arrived()).toEqual(['quick@example.com', 'stalled@example.com']);
  await dispatcher.stop();
});

test('several nodes send each message once', async () => {
  const { dispatch, post, waiting } = await office;
  const { transport, arrived } = await open();
  const nodes = await Promise.all([1, 2, 3].map(() => dispatch(transport, { own: true })));
  const all = Array.from({ length: 60 }, (_, index) => `m${index}@example.com`);
  await Promise.all(all.map((to) => post(notice(to))));
  await until(async () => (await waiting()) === 0);
  expect(new Set(arrived())).toEqual(new Set(all));
  expect(arrived()).toHaveLength(all.length);
  for (const node of nodes) await node.stop();
});

test('a message sent by a node that died before marking it is sent again with the same id', async () => {
  const { outbox, dispatch, post, waiting } = await office;
  const { sink, transport } = await open();
  await post(notice('twice@example.com'));
  const claimed = (await outbox.claim(1))!;
  const render = createMessageRenderer(settings);
  const letter = { ...render(claimed.content()), id: claimed.id, date: claimed.createdAt };
  await transport.send({ ...letter, to: 'twice@example.com' }, AbortSignal.timeout(10_000));
  const survivor = await dispatch(createSmtpTransport(sink.url, from), { timing: { poll: 50 } });
  await until(async () => (await waiting()) === 0);
  expect(sink.accepted).toHaveLength(2);
  expect(sink.accepted[0]?.messageId).toBe(sink.accepted[1]?.messageId);
  await survivor.stop();
  transport.close();
});

test('a slow attempt extends the lease of its message', async () => {
  const { dispatch, post, pool, waiting } = await office;
  const { sink, transport } = await open();
  const leasedUntil = async () => {
    const sql = 'select due_at from outbox where content is not null';
    return (await pool.query<{ due_at: Date }>(sql)).rows[0]?.due_at.getTime() ?? 0;
  };
  sink.behaviour = 'stall-reply';
  const timing = { lease: 300, poll: 20, send: 2_000 };
  const nodes = await Promise.all([1, 2].map(() => dispatch(transport, { own: true, timing })));
  await post(notice('slow@example.com'));
  await until(() => sink.seen.length === 1);
  const first = await leasedUntil();
  // The first lease would have expired twice.
  await until(async () => (await leasedUntil()) > first + 3 * timing.lease);
  expect(sink.seen).toHaveLength(1);
  sink.behaviour = 'accept';
  await until(async () => (await waiting()) === 0);
  for (const node of nodes) await node.stop();
});

test('the dispatcher gives up after three days, and not before', async () => {
  const { dispatch, post, pool, hurry, attempts, waiting } = await office;
  const { sink, transport, arrived } = await open();
  sink.behaviour = 'refuse-recipient';
  const dispatcher = await dispatch(transport);
  await post(notice('gone@example.com'));
  await pool.query("update outbox set created_at = now() - interval '71 hours' where content is not null");
  await until(async () => {
    await hurry();
    return (await attempts()) >= 3;
  });
  await pool.query("update outbox set created_at = now() - interval '73 hours' where content is not null");
  await until(async () => {
    await hurry();
    return (await waiting()) === 0;
  });
  expect(arrived()).toEqual([]);
  await dispatcher.stop();
});

test('the dispatcher does not send a link that has expired meanwhile', async () => {
  const { dispatch, post, waiting } = await office;
  const { sink, transport } = await open();
  const link = { token: 'late', lasts: 900, expiresAt: new Date(systemClock.now() - 1000).toISOString() };
  await post({ kind: 'verify-email', to: 'late@example.com', person: null, locale: null, link });
  const dispatcher = await dispatch(transport);
  await until(async () => (await waiting()) === 0);
  expect(sink.seen).toEqual([]);
  await dispatcher.stop();
});

test('a stopping dispatcher finishes what is under way up to a limit, and starts nothing more', async () => {
  const { dispatch, post, waiting, hurry } = await office;
  const { sink, transport, arrived } = await open();
  sink.behaviour = 'stall-reply';
  const first = await dispatch(transport, { timing: { grace: 200 } });
  await post(notice('cut@example.com'));
  await until(() => sink.seen.length === 1);
  await first.stop();
  expect(await waiting()).toBe(1);
  await post(notice('after@example.com'));
  expect(arrived()).toEqual([]);
  sink.behaviour = 'accept';
  const next = await dispatch(createSmtpTransport(sink.url, from));
  await until(async () => {
    await hurry();
    return (await waiting()) === 0;
  });
  expect(new Set(arrived())).toEqual(new Set(['after@example.com', 'cut@example.com']));
  expect(arrived()).toHaveLength(2);
  await next.stop();
});

test('a message sent while PostgreSQL was down is marked when it is back, and not sent again', async () => {
  const server = await startPostgres();
  const url = server.databaseUrl();
  await migrate(url, logger);
  const { dispatch, post, waiting } = await openPostOffice(url);
  const { sink, transport, arrived } = await open();
  sink.beforeReply = () => server.stop();
  const dispatcher = await dispatch(transport, { timing: { poll: 100 } });
  await post(notice('outage@example.com'));
  await until(() => arrived().length === 1);
  sink.beforeReply = async () => undefined;
  await server.start();
  await until(async () => (await waiting().catch(() => 1)) === 0);
  await post(notice('next@example.com'));
  await until(() => arrived().includes('next@example.com'));
  expect(arrived()).toEqual(['outage@example.com', 'next@example.com']);
  await dispatcher.stop();
});
