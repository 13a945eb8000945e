import { beforeAll, describe, expect, test } from '@jest/globals';
import { answer, authorizationUrl, introspect, signIn, userinfo } from '../oidc/support/flow.ts';
import { startProvider, type Provider } from '../oidc/support/provider.ts';
import { UserAgent, type Page } from '../oidc/support/user-agent.ts';
import { type Letters, readLetters } from './support/mail.ts';

const NEXT = 'an entirely new password';

let provider: Provider;
let letters: Letters;
beforeAll(async () => {
  provider = await startProvider();
  letters = readLetters(provider.postern);
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const ask = async (agent: UserAgent, identifier: string, start = '/forgot-password') =>
  agent.submit(await agent.open(start), { identifier });

test('a link sets a new password once, and ends what ran', async () => {
  const person = await provider.createPerson();
  const client = await provider.createClient();
  const tokens = await signIn(provider, client, person, { parameters: { scope: 'openid' } });
  const agent = new UserAgent(provider.url);
  expect(heading(await ask(agent, person.username))).toBe('Check your mail');
  const link = await letters.link(person.email, '/reset-password');

  const page = await agent.open(link);
  const weak = await agent.submit(page, { password: 'password' });
  expect([weak.status, weak.html.includes('one of the most used')]).toEqual([400, true]);
  const done = await agent.submit(weak, { password: NEXT });
  expect([done.status, heading(done)]).toEqual([200, 'Your password is changed']);
  expect((await letters.next(person.email)).subject).toBe('Your password has changed');

  expect((await userinfo(provider, tokens.access_token)).status).toBe(401);
  expect((await introspect(provider, client, tokens.access_token)).body).toEqual({ active: false });
  const again = await agent.open(link);
  expect([again.status, heading(again)]).toEqual([400, 'This link no longer works']);
  const late = await agent.submit(page, { password: 'yet another password' });
  expect(late.status).toBe(400);
  const old = await agent.submit(await agent.open('/sign-in'), {
    identifier: person.email,
    password: person.password,
  });
  expect(old.status).toBe(401);
});

test('whether there is such an account does not show', async () => {
  const person = await provider.createPerson();
  const asked = async (identifier: string) => {
    const { status, html } = await ask(new UserAgent(provider.url), identifier);
    return { status, html: html.replaceAll(identifier, '').replaceAll(/flash=[\w-]+/g, '') };
  };
  const known = await asked(person.email);
  expect(known.status).toBe(200);
  expect(await asked('nobody@example.test')).toEqual(known);
  expect(await asked('not an address')).toEqual(known);
});

test('nor does it at the sign-in, with a password or with a passkey', async () => {
  const person = await provider.createPerson();
  const asked = async (identifier: string) => {
    const agent = new UserAgent(provider.url);
    const values = { identifier, password: 'not the password' };
    const { status, html } = await agent.submit(await agent.open('/sign-in'), values, '/sign-in');
    return { status, html: html.replaceAll(/value="[^"]*"|flash=[\w-]+/g, '') };
  };
  const known = await asked(person.email);
  expect(known.status).toBe(401);
  expect(await asked(person.username)).toEqual(known);
  expect(await asked('nobody@example.test')).toEqual(known);
  expect(await asked('nobody at all')).toEqual(known);
  // The options for a passkey are asked for without a name, and name none.
  const reply = await fetch(`${provider.url}/sign-in/passkey?identifier=${encodeURIComponent(person.email)}`);
  expect(await reply.json()).toMatchObject({ allowCredentials: [], userVerification: 'required' });
});

describe('within an authorization request', () => {
  const start = async (agent: UserAgent) => {
    const client = await provider.createClient();
    const person = await provider.createPerson();
    const page = await agent.open(authorizationUrl(provider, client));
    const forgot = /href="([^"]*forgot-password)"/.exec(page.html)?.[1] ?? '';
    await ask(agent, person.email, forgot);
    return { page, person, link: await letters.link(person.email, '/reset-password') };
  };

  test('the browser that asked goes on where it was', async () => {
    const agent = new UserAgent(provider.url);
    const { person, link } = await start(agent);
    const done = await agent.submit(await agent.open(link), { password: NEXT });
    const onward = /href="(\/interaction\/[^"]*)"/.exec(done.html)?.[1] ?? '';
    const { leftFor } = await answer(agent, await agent.open(onward), { ...person, password: NEXT });
    expect(leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  });

  test('another device is told where to go on', async () => {
    const agent = new UserAgent(provider.url);
    const { page, person, link } = await start(agent);
    const other = new UserAgent(provider.url);
    const done = await other.submit(await other.open(link), { password: NEXT });
    expect(done.html).toContain('go back to the app you came from');
    expect(done.html).not.toContain('/interaction/');
    const { leftFor } = await answer(agent, await agent.open(page.url), { ...person, password: NEXT });
    expect(leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  });
});

test('an address is confirmed by the button, not by opening the page', async () => {
  const { id, email } = await provider.createPerson();
  await provider.sql('update users set email_verified_at = null where id = $1', [id]);
  const verified = async () => (await provider.operator.accounts.find(id))?.emailVerifiedAt ?? null;
  await provider.operator.verification.request(id, {
    kind: 'user',
    id,
    door: 'test',
    ip: null,
    userAgent: null,
    requestId: null,
  });
  const link = await letters.link(email, '/verify-email');
  const agent = new UserAgent(provider.url);
  const page = await agent.open(link);
  expect(page.html).toContain(email);
  expect(await verified()).toBeNull();
  expect(heading(await agent.submit(page, {}))).toBe('Your email address is confirmed');
  expect(await verified()).toEqual(expect.any(Date));
  expect((await agent.submit(page, {})).status).toBe(400);
});
