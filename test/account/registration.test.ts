import { beforeAll, describe, expect, test } from '@jest/globals';
import { answer, atOnce, authorizationUrl, exchange } from '../oidc/support/flow.ts';
import { startProvider, type Provider } from '../oidc/support/provider.ts';
import { UserAgent, type Page } from '../oidc/support/user-agent.ts';
import { type Letters, readLetters } from './support/mail.ts';

const PASSWORD = 'three unrelated words';

let provider: Provider;
let letters: Letters;
beforeAll(async () => {
  provider = await startProvider({ settings: { registration: { verifyEmail: true } } });
  letters = readLetters(provider.postern);
});

let number = 0;
const newName = () => `newcomer${(number += 1)}`;
const addressOf = (name: string) => `${name}@example.test`;
const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];

/** Asks for an account. @returns the page that comes. */
async function register(agent: UserAgent, email: string, start = '/register'): Promise<Page> {
  return agent.submit(await agent.open(start), { email });
}

/** Makes the account by the link. */
async function complete(agent: UserAgent, link: string, username: string): Promise<Page> {
  return agent.submit(await agent.open(link), { username, name: 'New Comer', password: PASSWORD });
}

test('an account is made by the link, its address verified, and signed in', async () => {
  const agent = new UserAgent(provider.url);
  const name = newName();
  const sent = await register(agent, addressOf(name));
  expect([sent.status, heading(sent)]).toEqual([200, 'Check your mail']);
  const link = await letters.link(addressOf(name), '/verify-email');
  expect((await provider.operator.accounts.findByEmail(addressOf(name))) ?? null).toBeNull();

  const done = await complete(agent, link, name);
  expect(done.html).toContain('New Comer');
  const user = await provider.operator.accounts.findByEmail(addressOf(name));
  expect(user).toMatchObject({ username: name, roles: ['user'], emailVerifiedAt: expect.any(Date) });

  const again = await agent.open(link);
  expect([again.status, heading(again)]).toEqual([400, 'This link no longer works']);
});

test('nobody learns who has an account', async () => {
  const person = await provider.createPerson();
  const fresh = addressOf(newName());
  const asked = async (email: string) => {
    const { status, html } = await register(new UserAgent(provider.url), email);
    return { status, html: html.replaceAll(email, '').replaceAll(/flash=[\w-]+/g, '') };
  };
  expect(await asked(person.email)).toEqual(await asked(fresh));
  expect((await letters.next(person.email)).subject).toBe('You have an account already');
  expect((await letters.next(fresh)).subject).toBe('Confirm your email address');
});

describe('within an authorization request', () => {
  test('the browser that asked goes on where it was', async () => {
    const client = await provider.createClient();
    const agent = new UserAgent(provider.url);
    const name = newName();
    const start = await agent.open(authorizationUrl(provider, client, { prompt: 'create' }));
    expect(heading(start)).toBe('Create your account');
    await agent.submit(start, { email: addressOf(name) });
    const link = await letters.link(addressOf(name), '/verify-email');
    const consent = await complete(agent, link, name);
    const { leftFor } = await answer(agent, consent, { id: '', email: '', username: '', password: '' });
    const reply = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
    expect(reply.status).toBe(200);
  });

  test('another device makes the account, and says where to go on', async () => {
    const client = await provider.createClient();
    const agent = new UserAgent(provider.url);
    const name = newName();
    const start = await agent.open(authorizationUrl(provider, client, { prompt: 'create' }));
    await agent.submit(start, { email: addressOf(name) });
    const link = await letters.link(addressOf(name), '/verify-email');
    const done = await complete(new UserAgent(provider.url), link, name);
    expect([done.status, heading(done)]).toEqual([200, 'Your account is ready']);
    const signedIn = await answer(
      agent,
      await agent.open(start.url.pathname.replace('/create', '/sign-in')),
      {
        id: '',
        email: addressOf(name),
        username: name,
        password: PASSWORD,
      },
    );
    expect(signedIn.leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  });
});

test('of parallel tries with one link one makes an account', async () => {
  const name = newName();
  await register(new UserAgent(provider.url), addressOf(name));
  const link = await letters.link(addressOf(name), '/verify-email');
  const agent = new UserAgent(provider.url);
  const page = await agent.open(link);
  const statuses = await atOnce(4, async (index) => {
    const values = { username: `${name}-${index}`, password: PASSWORD };
    return (await agent.submit(page, values)).status;
  });
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400, 400, 400]);
});

test('a link that was changed, cut or made up says so', async () => {
  const name = newName();
  await register(new UserAgent(provider.url), addressOf(name));
  const link = await letters.link(addressOf(name), '/verify-email');
  const agent = new UserAgent(provider.url);
  const token = link.slice(link.indexOf('=') + 1);
  const bad = [token.slice(0, -4), `${token.slice(0, 40)}A${token.slice(41)}x`, '', 'x'.repeat(24), '%00'];
  for (const other of bad) expect((await agent.open(`/verify-email?token=${other}`)).status).toBe(400);
  expect((await agent.open(`/reset-password?token=${token}`)).status).toBe(400);
  expect((await agent.open(link)).status).toBe(200);
});

test('what cannot be used does not use up the link', async () => {
  const name = newName();
  const agent = new UserAgent(provider.url);
  await register(agent, addressOf(name));
  const link = await letters.link(addressOf(name), '/verify-email');
  const page = await agent.open(link);
  const weak = await agent.submit(page, { username: name, password: 'password' });
  expect(weak.status).toBe(400);
  expect(weak.html).toContain('one of the most used');
  const done = await agent.submit(weak, { username: name, password: PASSWORD });
  expect(done.status).toBe(200);
});

test('without verifyEmail the account is made at once', async () => {
  const plain = await startProvider({ settings: { registration: { verifyEmail: false } } });
  const agent = new UserAgent(plain.url);
  const name = newName();
  const values = { username: name, name: 'New Comer', email: addressOf(name), password: PASSWORD };
  const done = await agent.submit(await agent.open('/register'), values);
  expect(done.html).toContain('New Comer');
  const taken = await agent.submit(await agent.open('/register'), { ...values, username: `${name}-2` });
  expect(taken.html).toContain('There is already an account');
});
