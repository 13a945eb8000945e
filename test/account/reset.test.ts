import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import { systemActor } from '../../src/core/actor.ts';
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

test('a reset link sets a new password once and ends all sessions and tokens', async () => {
  const person = await provider.createPerson();
  const client = await provider.createClient();
  const tokens = await signIn(provider, client, person, { parameters: { scope: 'openid' } });
  const agent = new UserAgent(provider.url);
  expect(heading(await ask(agent, person.username))).toBe('Check your mail');
  const link = await letters.link(person.email, '/reset-password');

  const page = await agent.open(link);
  const weak = await agent.submit(page, { password: 'password' });
  expect([weak.status, weak.html.includes('one of the most common')]).toEqual([400, true]);
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

test('a password reset does not reveal whether the account exists', async () => {
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

test('a sign-in, by password or passkey, does not reveal whether the account exists', async () => {
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
  // The options for a passkey are requested without a name and contain none.
  const reply = await fetch(`${provider.url}/sign-in/passkey?identifier=${encodeURIComponent(person.email)}`);
  expect(await reply.json()).toMatchObject({ allowCredentials: [], userVerification: 'required' });
});

describe('in an authorization request, a password reset', () => {
  const start = async (agent: UserAgent) => {
    const client = await provider.createClient();
    const person = await provider.createPerson();
    const page = await agent.open(authorizationUrl(provider, client));
    const forgot = /href="([^"]*forgot-password)"/.exec(page.html)?.[1] ?? '';
    await ask(agent, person.email, forgot);
    return { page, person, link: await letters.link(person.email, '/reset-password') };
  };

  test('continues where it started in the browser that began it', async () => {
    const agent = new UserAgent(provider.url);
    const { person, link } = await start(agent);
    const done = await agent.submit(await agent.open(link), { password: NEXT });
    const onward = /href="(\/interaction\/[^"]*)"/.exec(done.html)?.[1] ?? '';
    const { leftFor } = await answer(agent, await agent.open(onward), { ...person, password: NEXT });
    expect(leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  });

  test('on another device says where to continue', async () => {
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

describe('an account locked by wrong passwords', () => {
  const enter = async (agent: UserAgent, identifier: string, password: string, start = '/sign-in') =>
    agent.submit(await agent.open(start), { identifier, password }, '/sign-in');
  const WRONG = 'not the password';
  const SUBJECT = 'Sign in to your account';
  const lock = async (identifier: string) => {
    const stranger = new UserAgent(provider.url);
    let page = await enter(stranger, identifier, WRONG);
    while (page.status === 401) page = await enter(stranger, identifier, WRONG);
    expect(page.status).toBe(429);
    return page;
  };
  const askLink = async (agent: UserAgent, locked: Page) =>
    heading(await agent.submit(locked, {}, '/sign-in/link'));

  test('is opened by a link sent to its owner, once, and by nothing that a stranger has', async () => {
    const person = await provider.createPerson();
    await lock(person.username);
    const agent = new UserAgent(provider.url);
    const locked = await enter(agent, person.email, person.password);
    expect([locked.status, locked.html.includes('you do not need to wait')]).toEqual([429, true]);
    expect(await askLink(agent, locked)).toBe('Check your mail');
    const link = await letters.link(person.email, '/sign-in-link', SUBJECT);
    const page = await agent.open(link);
    expect(page.html).toContain(person.email);
    expect((await agent.open('/account')).url.pathname).toBe('/sign-in');
    const other = new UserAgent(provider.url);
    // From another site, without the page's form, the link does nothing.
    expect((await other.submit(page, {})).status).toBe(403);
    const both = await Promise.all([agent.submit(page, {}), agent.copy().submit(page, {})]);
    expect(both.map(({ url }) => url.pathname).toSorted()).toEqual(['/account', '/sign-in-link']);
    expect(heading(await other.open(link))).toBe('This link no longer works');
    // The failures of this source are forgiven.
    expect((await enter(other, person.email, person.password)).url.pathname).toBe('/account');
  });

  test('still asks for the second factor, once, and a new password invalidates its links', async () => {
    const person = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const links: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const locked = await lock(person.email);
      await askLink(agent, await enter(agent, person.email, person.password).catch(() => locked));
      links.push(await letters.link(person.email, '/sign-in-link', SUBJECT));
    }
    const { mfa, accounts } = provider.operator;
    const actor = {
      kind: 'user',
      id: person.id,
      door: 'test',
      ip: null,
      userAgent: null,
      requestId: null,
    } as const;
    await accounts.setPassword(person.id, NEXT, actor);
    for (const link of links) expect((await agent.open(link)).status).toBe(400);
    const { id, secret } = await mfa.totp.begin(person.id, 'Phone');
    await mfa.totp.confirm(person.id, id, generateSync({ secret }), actor);
    await lock(person.email);
    await askLink(agent, await enter(agent, person.email, NEXT));
    const page = await agent.open(await letters.link(person.email, '/sign-in-link', SUBJECT));
    const both = await Promise.all([agent.submit(page, {}), agent.copy().submit(page, {})]);
    expect(new Set(both.map(heading))).toEqual(new Set(['One more step', 'This link no longer works']));
    expect((await agent.open('/account')).url.pathname).toBe('/sign-in');
  });

  test('looks like an unknown account, and no link is sent to an unverified address', async () => {
    const [known, unproven] = [await provider.createPerson(), await provider.createPerson()];
    await provider.sql('update users set email_verified_at = null where id = $1', [unproven.id]);
    const asked = async (identifier: string) => {
      const locked = await lock(identifier);
      const agent = new UserAgent(provider.url);
      const right = await enter(agent, identifier, known.password);
      const sent = await agent.submit(right, {}, '/sign-in/link');
      return [locked, right, sent].map(({ status, html }) => ({
        status,
        html: html
          .replaceAll(identifier, '')
          .replaceAll(/value="[^"]*"|flash=[\w-]+|\d+ (seconds|minutes?)/g, ''),
      }));
    };
    const expected = await asked(known.email);
    expect(await asked('nobody-at-all@example.test')).toEqual(expected);
    expect(await asked(unproven.email)).toEqual(expected);
    await letters.link(known.email, '/sign-in-link', SUBJECT);
    expect(await letters.count(unproven.email)).toBe(0);
  });

  test('gets no link when it is no longer locked', async () => {
    const person = await provider.createPerson();
    const locked = await lock(person.email);
    await provider.operator.accounts.unlock(person.id, systemActor);
    const agent = new UserAgent(provider.url);
    const page = { ...locked, html: locked.html.replaceAll(/name="csrf" value="[^"]*"/g, '') };
    const form = await agent.open('/sign-in');
    const csrf = /name="csrf" value="([^"]*)"/.exec(form.html)?.[1] ?? '';
    expect(heading(await agent.submit(page, { csrf }, '/sign-in/link'))).toBe('Check your mail');
    expect(await provider.sql(`select from one_time_tokens where account_id = $1`, [person.id])).toEqual([]);
  });

  test('lets in a browser that signed in before, and its link resumes the authorization request', async () => {
    const person = await provider.createPerson();
    const client = await provider.createClient();
    const owner = new UserAgent(provider.url);
    expect((await enter(owner, person.email, person.password)).url.pathname).toBe('/account');
    await lock(person.email);
    const copy = owner.copy();
    expect((await enter(owner, person.email, person.password)).url.pathname).toBe('/account');
    // A new password invalidates what made the browser known.
    await provider.operator.accounts.setPassword(person.id, NEXT, systemActor);
    await lock(person.email);
    expect((await enter(copy, person.email, NEXT)).status).toBe(429);

    const agent = new UserAgent(provider.url);
    const start = await agent.open(authorizationUrl(provider, client));
    const locked = await agent.submit(start, { identifier: person.email, password: NEXT }, '/sign-in');
    await askLink(agent, locked);
    const link = await letters.link(person.email, '/sign-in-link', SUBJECT);
    const onward = await agent.submit(await agent.open(link), {});
    const { leftFor } = await answer(agent, onward, person);
    expect(leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  });
});

test('opening the link does not confirm an address, its button does', async () => {
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
