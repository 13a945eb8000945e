import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { contractOf, type ContractServer, startContractServer } from '../contracts/support/server.ts';
import { flows } from '../contracts/support/members.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { type Letters, readLetters } from './support/mail.ts';

const MAX_MAILS = 10;

let server: ContractServer;
let letters: Letters;
beforeAll(async () => {
  server = await startContractServer();
  letters = readLetters(server.postern);
});

const victims = (): string => newPerson().email;
const tagged = (email: string, tag: number): string => email.replace('@', `+${tag}@`);

/** Waits until every due message is sent. */
async function allSent(): Promise<void> {
  const due = "select id from outbox where content is not null and due_at <= now() + interval '1 minute'";
  while ((await server.sql(due)).length > 0) await sleep(20);
}

/** Counts the messages for the addresses. The test stays within one clock hour, by which they are limited. */
async function inOneHour(addresses: string[]): Promise<number> {
  await allSent();
  const counts = await Promise.all(addresses.map((address) => letters.count(address)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Messages are limited by clock hour: wait for the next one if this one is about to end. */
async function withinAnHour(): Promise<void> {
  const left = 3_600_000 - (Date.now() % 3_600_000);
  if (left < 10_000) await sleep(left);
}

test.each(['ppl', 'flask'] as const)(
  'changing an address back and forth at %s does not flood a mailbox',
  async (name) => {
    await withinAnHour();
    const [victim, other] = [victims(), victims()];
    const visitor = server.visitor(name);
    const { token: bearer, params, email } = await flows[name].join(visitor);
    const update = contractOf(name).operations.some(({ id }) => id === 'updateMe')
      ? 'updateMe'
      : 'updateUser';
    for (let change = 0; change < 40; change += 1) {
      const body = { email: change % 2 === 0 ? victim : other };
      await visitor.call(update, { bearer, params, body }, { status: 200, body });
    }
    for (const address of [victim, other, email])
      expect(await inOneHour([address])).toBeLessThanOrEqual(MAX_MAILS);
  },
);

test('registrations with tagged variants of an address do not flood its mailbox, at a contract or on the page', async () => {
  await withinAnHour();
  const victim = victims();
  const addresses = Array.from({ length: 24 }, (_, tag) => tagged(victim, tag));
  for (const [index, email] of addresses.entries()) {
    const { username, password } = newPerson();
    if (index % 2 === 0) {
      await server
        .visitor('cookie')
        .call('register', { body: { username, email, password } }, { status: 201 });
      continue;
    }
    const agent = new UserAgent(server.url);
    const { status } = await agent.submit(await agent.open('/register'), { username, email, password });
    expect(status).toBe(200);
  }
  expect(await inOneHour(addresses)).toBe(MAX_MAILS);
});

test('requests through different endpoints count toward one limit of a mailbox', async () => {
  await withinAnHour();
  const email = victims();
  const { password, username } = newPerson();
  await server.visitor('gateway').call('register', { body: { username, email, password } }, { status: 201 });
  // Both names of the account share the limit of ten requests for one source.
  for (let index = 0; index < 5; index += 1) {
    await server.visitor('gateway').call('passwordReset', { body: { email } }, { status: 200 });
    const agent = new UserAgent(server.url);
    const page = await agent.submit(await agent.open('/forgot-password'), { identifier: username });
    expect(page.status).toBe(200);
  }
  expect(await inOneHour([email])).toBe(MAX_MAILS);
});
