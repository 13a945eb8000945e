import { expect, test } from '@jest/globals';
import { Secrets } from '../../src/core/secrets.ts';
import type { Message } from '../../src/mail/messages.ts';
import { createOutbox } from '../../src/storage/outbox.ts';
import { notice, openPostOffice } from './post-office.ts';

const office = openPostOffice();

/** Claims everything that is due. */
async function claimAll() {
  const { outbox } = await office;
  const all = [];
  for (let claimed = await outbox.claim(60); claimed; claimed = await outbox.claim(60)) all.push(claimed);
  return all;
}

test('a message is in the outbox if its change commits, and not if it rolls back', async () => {
  const { inTransaction, outbox, post, waiting } = await office;
  const undone = inTransaction(async (tx) => {
    await outbox.enqueue({ cause: 'undone', content: notice('a@example.com') }, tx);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await waiting()).toBe(0);
  await post(notice('a@example.com'), 'undone');
  const [claimed] = await claimAll();
  expect(claimed?.content()).toEqual(notice('a@example.com'));
  await outbox.settle(claimed!);
});

test('one cause leads to one message: in parallel, while it is pending, and after it was sent', async () => {
  const { outbox, post } = await office;
  await Promise.all(Array.from({ length: 20 }, (_, index) => post(notice(`n${index}@example.com`), 'once')));
  const claimed = await claimAll();
  expect(claimed).toHaveLength(1);
  await post(notice('late@example.com'), 'once');
  await outbox.settle(claimed[0]!);
  await post(notice('later@example.com'), 'once');
  expect(await claimAll()).toHaveLength(0);
});

test('the content of a message is stored encrypted, and deleted when the message is done', async () => {
  const { pool, outbox, post } = await office;
  const link = { token: 'a-very-secret-token', lasts: 900, expiresAt: '2099-01-01T00:00:00.000Z' };
  const secret: Message = { kind: 'verify-email', link, to: 'a@example.com', person: null, locale: null };
  await post(secret, 'sealed');
  const kept = async () => {
    const { rows } = await pool.query("select * from outbox where cause = 'sealed'");
    return rows[0] as { content: Buffer | null; expires_at: Date | null };
  };
  const before = await kept();
  expect(before.content?.toString('latin1')).not.toContain('secret');
  expect(before.content?.toString('latin1')).not.toContain('example.com');
  expect(before.expires_at).toBeNull();
  const [claimed] = await claimAll();
  expect(claimed?.content()).toEqual(secret);
  await outbox.settle(claimed!);
  expect(await kept()).toMatchObject({ content: null, expires_at: expect.any(Date) });
});

test('under another SECRETS_KEY a message cannot be read, but is not lost', async () => {
  const { pool, notifications, outbox, post, waiting } = await office;
  await post(notice('a@example.com'));
  const other = createOutbox<Message>({ pool, notifications, secrets: new Secrets('x'.repeat(40)) });
  const claimed = await other.claim(60);
  expect(() => claimed?.content()).toThrow();
  await other.postpone(claimed!, 0);
  expect(await waiting()).toBe(1);
  await outbox.settle((await claimAll())[0]!);
});

test('parallel claims get different messages', async () => {
  const { outbox, post } = await office;
  for (let index = 0; index < 10; index += 1) await post(notice(`c${index}@example.com`));
  const claimed = await Promise.all(Array.from({ length: 20 }, () => outbox.claim(60)));
  const got = claimed.flatMap((one) => (one ? [one.content().to] : []));
  expect(got).toHaveLength(10);
  expect(new Set(got).size).toBe(10);
  for (const one of claimed) if (one) await outbox.settle(one);
});

test('an expired lease passes to another claim, and its former holder cannot postpone the message', async () => {
  const { outbox, post } = await office;
  await post(notice('a@example.com'));
  const first = await outbox.claim(0);
  const second = await outbox.claim(60);
  expect(second).toMatchObject({ id: first?.id, attempt: 2 });
  await outbox.postpone(first!, 0);
  expect(await outbox.claim(60)).toBeNull();
  await outbox.postpone(second!, 0);
  const third = await outbox.claim(60);
  expect(third).toMatchObject({ id: first?.id, attempt: 3 });
  // A sent message is settled, whoever reports it.
  await outbox.settle(first!);
  await outbox.postpone(third!, 0);
  expect(await outbox.claim(60)).toBeNull();
});
