import { expect, test } from '@jest/globals';
import { createOutgoingMail, mailboxOf } from '../../src/domain/outgoing-mail.ts';
import type { Message } from '../../src/mail/messages.ts';
import { openMailDomain, somewhere } from '../mail/mail-domain.ts';
import { at, errorOf, newEmail, operator } from './harness.ts';

const opened = openMailDomain();
const HOUR = 3_600_000;

const circumstances = { at: new Date(0).toISOString(), ip: null, browser: null, system: null };
const link = { token: 'token', lasts: 900, expiresAt: new Date(Date.now() + HOUR).toISOString() };
const recipient = (to: string) => ({ to, person: null, locale: null });
const asked = (to: string): Message => ({ ...recipient(to), kind: 'password-reset', link, circumstances });
const notice = (to: string): Message => ({ ...recipient(to), kind: 'password-changed', circumstances });

/** Messages half an hour after the hour, so that no test runs into the next one. */
async function post() {
  const { outbox, counters, inTransaction, pool } = await opened;
  const now = Math.floor(Date.now() / HOUR) * HOUR + HOUR / 2;
  const outgoingMail = createOutgoingMail({ outbox, counters, clock: { now: () => now } });
  let cause = 0;
  const send = (content: Message, more: object = {}) =>
    inTransaction((tx) =>
      outgoingMail.enqueue(
        { cause: `${newEmail()} ${(cause += 1)}`, content, actor: somewhere(), ...more },
        tx,
      ),
    );
  /** In how many minutes each message is due, in order. */
  const due = async () => {
    const { rows } = await pool.query<{ minutes: number }>(
      'select round(extract(epoch from due_at - now()) / 60)::int as minutes from outbox where content is not null order by due_at',
    );
    await pool.query('delete from outbox');
    return rows.map(({ minutes }) => minutes);
  };
  return { outgoingMail, send, due };
}

const times = async <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> => {
  const results = [];
  for (let index = 0; index < count; index += 1) results.push(await work(index));
  return results;
};

test.each([
  ['Ada@Example.com', 'ada@example.com'],
  ['ada+shop@example.com', 'ada@example.com'],
  ['ada+a+b@example.com', 'ada@example.com'],
  ['+ada@example.com', '+ada@example.com'],
  ['a.d.a@example.com', 'a.d.a@example.com'],
  ['username:ada', 'username:ada'],
])('%s counts as the mailbox %s', (address, mailbox) => expect(mailboxOf(address)).toBe(mailbox));

test('a mailbox gets at most ten messages an hour that strangers can request, whatever the tags', async () => {
  const { outgoingMail, send, due } = await post();
  const email = newEmail();
  const tagged = (index: number) => email.replace('@', index % 2 === 0 ? '@' : `+${index}@`);
  const sent = await Promise.all(Array.from({ length: 25 }, (_, index) => send(asked(tagged(index)))));
  expect(sent.filter(Boolean)).toHaveLength(10);
  expect(await due()).toHaveLength(10);
  const refusal = { code: 'rate_limited', retryAfter: HOUR / 2000 };
  expect(await errorOf(outgoingMail.admit(tagged(1)))).toEqual(refusal);
  expect(await errorOf(outgoingMail.admit(newEmail()))).toEqual({ code: 'none' });
});

test('beyond the limit of a mailbox, a notice is postponed to an hour with room', async () => {
  const { send, due } = await post();
  const email = newEmail();
  await times(10, () => send(asked(email)));
  await due();
  await times(12, () => send(notice(email)));
  const minutes = await due();
  expect(minutes).toEqual([...Array.from({ length: 10 }, () => 30), 90, 90]);
});

test('beyond its limit a mailbox still gets one sign-in link an hour, so that nobody can lock the owner out', async () => {
  const { send, due } = await post();
  const email = newEmail();
  const signIn = (to: string): Message => ({ ...asked(to), kind: 'sign-in-link', link, circumstances });
  await times(10, () => send(asked(email)));
  await due();
  const sent = await Promise.all(Array.from({ length: 5 }, () => send(signIn(email))));
  expect(sent.filter(Boolean)).toHaveLength(1);
  expect(await due()).toEqual([0]);
  expect(await send(asked(email))).toBe(false);
});

test('a notice to an owner is sent at once', async () => {
  const { send, due } = await post();
  const email = newEmail();
  await times(10, () => send(asked(email)));
  await due();
  await send(notice(email), { isOwners: true });
  expect(await due()).toEqual([0]);
});

test('a source can cause two hundred messages an hour, a program and an operator any number', async () => {
  const { send, due } = await post();
  const actor = at('2001:db8:7:7::1');
  await times(200, (index) => send(asked(newEmail()), { actor: { ...actor, ip: `2001:db8:7:7::${index}` } }));
  expect(await due()).toHaveLength(200);
  expect(await send(asked(newEmail()), { actor })).toBe(false);
  expect(await send(asked(newEmail()), { actor: at('2001:db8:7:8::1') })).toBe(true);
  expect(await send(asked(newEmail()), { actor: { ...actor, kind: 'client' } })).toBe(true);
  expect(await send(asked(newEmail()), { actor: operator })).toBe(true);
  expect(await send(notice(newEmail()), { actor })).toBe(true);
  await due();
});
