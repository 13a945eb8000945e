import { beforeAll, describe, expect, test } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { atOnce } from '../oidc/support/flow.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { type Letters, readLetters } from './support/mail.ts';

const NEXT = 'an entirely new password';

let provider: Provider;
let letters: Letters;
beforeAll(async () => {
  provider = await startProvider({ settings: { registration: { verifyEmail: true } } });
  letters = readLetters(provider.postern);
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const tokenOf = (link: string) => link.slice(link.indexOf('=') + 1);
const open = (path: string) => new UserAgent(provider.url).open(path);

async function enter({ email, password }: Person): Promise<UserAgent> {
  const agent = new UserAgent(provider.url);
  const values = { identifier: email, password };
  await agent.submit(await agent.open('/sign-in'), values, '/sign-in');
  return agent;
}

async function resetLink({ email }: Person): Promise<string> {
  const agent = new UserAgent(provider.url);
  await agent.submit(await agent.open('/forgot-password'), { identifier: email });
  return letters.link(email, '/reset-password');
}

/** The link that confirms a new address. */
async function changeLink(person: Person): Promise<{ link: string; next: string }> {
  const agent = await enter(person);
  const next = `new-${person.email}`;
  await agent.submit(await agent.open('/account/email'), { email: next }, '/account/email');
  return { link: await letters.link(next, '/verify-email'), next };
}

const expire = ({ id }: Person) =>
  provider.sql(`update one_time_tokens set expires_at = now() - interval '1 second' where account_id = $1`, [
    id,
  ]);

const failures = async (type: string): Promise<number> => {
  const [row] = await provider.sql(
    `select count(*)::int as n from audit_events where type = $1 and outcome = 'failure'`,
    [type],
  );
  return Number(row?.['n']);
};

describe.each([
  {
    page: '/reset-password',
    type: 'password.reset',
    make: async (person: Person) => resetLink(person),
    values: () => ({ password: NEXT }),
    other: '/verify-email',
  },
  {
    page: '/verify-email',
    type: 'email.verified',
    make: async (person: Person) => (await changeLink(person)).link,
    values: ({ password }: Person) => ({ password }),
    other: '/reset-password',
  },
])('a link to $page', ({ page, type, make, values, other }) => {
  const refused = async (path: string) => {
    const before = await failures(type);
    const shown = await open(path);
    expect([shown.status, heading(shown)]).toEqual([400, 'This link no longer works']);
    expect(await failures(type)).toBe(before + 1);
  };

  test('is refused and audited if it was made up, cut off or altered', async () => {
    const link = await make(await provider.createPerson());
    const token = tokenOf(link);
    const last = token.endsWith('A') ? 'B' : 'A';
    for (const bad of ['made-up', token.slice(0, -1), `${token.slice(0, -1)}${last}`, `${token}A`, '%00'])
      await refused(`${page}?token=${bad}`);
    const before = await failures(type);
    expect((await open(page)).status).toBe(400);
    expect((await open(`${page}?token=a&token=b`)).status).toBe(400);
    expect(await failures(type)).toBe(before);
    expect((await open(link)).status).toBe(200);
  });

  test('is refused if it was sent for another purpose', async () => {
    const link = await make(await provider.createPerson());
    expect((await open(`${other}?token=${tokenOf(link)}`)).status).toBe(400);
    expect((await open(link)).status).toBe(200);
  });

  test('is refused once it has expired, before or after its page was opened', async () => {
    const person = await provider.createPerson();
    const link = await make(person);
    const agent = new UserAgent(provider.url);
    const form = await agent.open(link);
    await expire(person);
    await refused(link);
    expect((await agent.submit(form, values(person))).status).toBe(400);
  });

  test('works once, however many requests use it in parallel', async () => {
    const person = await provider.createPerson();
    const link = await make(person);
    const agent = new UserAgent(provider.url);
    const form = await agent.open(link);
    const before = await failures(type);
    const statuses = await atOnce(5, async () => (await agent.submit(form, values(person))).status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400, 400, 400, 400]);
    expect(await failures(type)).toBe(before + 4);
    await refused(link);
  });

  test('for one person does nothing to another person who is signed in', async () => {
    const [mine, theirs] = [await provider.createPerson(), await provider.createPerson()];
    const agent = await enter(mine);
    const link = await make(theirs);
    expect((await agent.submit(await agent.open(link), values(theirs))).status).toBe(200);
    expect((await provider.operator.accounts.find(mine.id))?.email).toBe(mine.email);
    expect((await agent.open('/account')).url.pathname).toBe('/account');
    expect((await enter(mine)).cookies('/')).not.toBe('');
  });

  test('ends when its account is deleted', async () => {
    const person = await provider.createPerson();
    const link = await make(person);
    await provider.operator.accounts.suspend(person.id, systemActor);
    await refused(link);
    await provider.operator.accounts.remove(person.id, systemActor);
    await refused(link);
  });
});

test('a new password cancels a pending change of address', async () => {
  const person = await provider.createPerson();
  const { link, next } = await changeLink(person);
  await letters.next(person.email);
  const agent = new UserAgent(provider.url);
  await agent.submit(await agent.open(await resetLink(person)), { password: NEXT });
  expect((await open(link)).status).toBe(400);
  expect(await provider.operator.accounts.findByEmail(next)).toBeNull();
});

test('a change of address is refused if somebody else has taken the address meanwhile', async () => {
  const person = await provider.createPerson();
  const { link, next } = await changeLink(person);
  const agent = new UserAgent(provider.url);
  const form = await agent.open(link);
  const { accounts } = provider.operator;
  const holder = await accounts.create({ email: next, emailVerified: true }, systemActor);
  expect((await agent.submit(form, {})).status).toBe(400);
  expect((await accounts.findByEmail(next))?.id).toBe(holder.id);
  expect((await accounts.find(person.id))?.email).toBe(person.email);
});

test('registration does the same work, whether or not the address has an account', async () => {
  const person = await provider.createPerson();
  const counts = async () => {
    const [row] = await provider.sql(`select
      (select count(*)::int from outbox) as letters, (select count(*)::int from audit_events) as events,
      (select count(*)::int from users) as users, (select count(*)::int from one_time_tokens) as tokens`);
    return row as Record<string, number>;
  };
  const work = async (email: string) => {
    const agent = new UserAgent(provider.url);
    const form = await agent.open('/register');
    const before = await counts();
    const { status } = await agent.submit(form, { email });
    const after = await counts();
    const did = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]);
    return { status, ...Object.fromEntries(did) };
  };
  const known = await work(person.email);
  expect(known).toEqual({ status: 200, letters: 1, events: 1, users: 0, tokens: 0 });
  expect(await work('nobody-yet@example.test')).toEqual(known);
});
