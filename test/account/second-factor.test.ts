import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import type { Actor } from '../../src/core/actor.ts';
import { answer, authorizationUrl, exchange } from '../oidc/support/flow.ts';
import { startProvider, type Person, type Provider } from '../oidc/support/provider.ts';
import { UserAgent, type Page } from '../oidc/support/user-agent.ts';
import { readLetters } from './support/mail.ts';

let provider: Provider;
beforeAll(async () => {
  provider = await startProvider();
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const problem = ({ html }: Page) =>
  /<p>([^<]*)<\/p>|<span>([^<]*)<\/span><\/p>/.exec(html.split('role="alert"')[1] ?? '')?.[0];
const actorOf = (id: string): Actor => ({
  kind: 'user',
  id,
  door: 'test',
  ip: null,
  userAgent: null,
  requestId: null,
});

/** Somebody with an authenticator app. */
async function withApp(): Promise<Person & { secret: string; codes: string[]; code: () => string }> {
  const person = await provider.createPerson();
  const { mfa } = provider.operator;
  const { id, secret } = await mfa.totp.begin(person.id, 'Phone');
  const { recoveryCodes } = await mfa.totp.confirm(
    person.id,
    id,
    generateSync({ secret }),
    actorOf(person.id),
  );
  // The code of the next time step: the current one is used, and the server accepts one step ahead.
  const code = () => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) + 30 });
  return { ...person, secret, codes: recoveryCodes ?? [], code };
}

const signIn = async (agent: UserAgent, { email, password }: Person, start: string | URL = '/sign-in') =>
  agent.submit(await agent.open(start), { identifier: email, password }, '/sign-in');

const claimsOf = (idToken: string) =>
  JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

test('an account with a second factor is not signed in by the password alone', async () => {
  const person = await withApp();
  const agent = new UserAgent(provider.url);
  const step = await signIn(agent, person);
  expect(heading(step)).toBe('One more step');
  expect((await agent.open('/')).html).not.toContain('Ada Lovelace');
  const cookies = agent.cookies('/sign-in/verify');
  expect(cookies).toContain('postern_login=');
  expect(cookies).not.toContain(encodeURIComponent(person.password));
  expect(agent.cookies('/')).not.toContain('postern_login=');

  const wrong = await agent.submit(step, { code: '000000' });
  expect(wrong.status).toBe(401);
  expect(wrong.html).toContain('This code is not right');
  const done = await agent.submit(wrong, { code: person.code() });
  expect(done.html).toContain('Ada Lovelace');
});

test('in an authorization request, acr and amr state the second factor', async () => {
  const person = await withApp();
  const client = await provider.createClient();
  const agent = new UserAgent(provider.url);
  const page = await agent.open(authorizationUrl(provider, client));
  const step = await agent.submit(page, { identifier: person.email, password: person.password }, '/sign-in');
  const consent = await agent.submit(step, { code: person.code() }, '/sign-in/verify');
  const { leftFor } = await answer(agent, consent, person);
  const { body } = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
  expect(claimsOf(body.id_token)).toMatchObject({
    acr: 'urn:postern:acr:2fa',
    amr: ['pwd', 'otp', 'mfa'],
  });
});

test('a recovery code works once', async () => {
  const person = await withApp();
  const [code = ''] = person.codes;
  const useCode = async () => {
    const agent = new UserAgent(provider.url);
    const step = await signIn(agent, person);
    const recovery = await agent.open(/href="([^"]*method=recovery)"/.exec(step.html)?.[1] ?? '');
    expect(recovery.html).toContain('Recovery code');
    return agent.submit(recovery, { code: code.toLowerCase() });
  };
  expect((await useCode()).html).toContain('Ada Lovelace');
  const again = await useCode();
  expect(again.status).toBe(401);
  expect(again.html).toContain('This recovery code is not right');
  expect(again.html).not.toContain('Wait for the next one');
  const letters = readLetters(provider.postern);
  const subjects = [await letters.next(person.email), await letters.next(person.email)].map(
    ({ subject }) => subject,
  );
  expect(subjects).toContain('A recovery code was used');
});

test('a remembered device is not asked for the code again, another device is', async () => {
  const person = await withApp();
  const agent = new UserAgent(provider.url);
  await agent.submit(await signIn(agent, person), { code: person.code(), trust: 'yes' });
  await agent.submit(await agent.open('/'), {}, '/sign-out');
  expect((await signIn(agent, person)).html).toContain('Ada Lovelace');
  expect(heading(await signIn(new UserAgent(provider.url), person))).toBe('One more step');
});

test('after too many wrong codes the page asks to wait', async () => {
  const person = await withApp();
  const agent = new UserAgent(provider.url);
  let page = await signIn(agent, person);
  for (let tries = 0; tries < 5; tries += 1) page = await agent.submit(page, { code: '000000' });
  page = await agent.submit(page, { code: person.code() });
  expect(page.status).toBe(429);
  expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(page.html).toContain('Too many failed attempts');
});

describe('an unfinished login', () => {
  test('is ignored if it was altered, or in another authorization request or browser', async () => {
    const person = await withApp();
    const agent = new UserAgent(provider.url);
    const step = await signIn(agent, person);
    const stranger = new UserAgent(provider.url);
    expect((await stranger.open('/sign-in/verify')).url.pathname).toBe('/sign-in');
    const client = await provider.createClient();
    const inside = await agent.open(authorizationUrl(provider, client));
    expect((await agent.open(`${inside.url.pathname}/sign-in/verify`)).url.pathname).toMatch(/sign-in$/);
    const cookie = agent
      .cookies('/sign-in/verify')
      .replace(/(?<=postern_login=.{30})./, (one) => (one === 'A' ? 'B' : 'A'));
    const reply = await fetch(`${provider.url}/sign-in/verify`, { headers: { cookie }, redirect: 'manual' });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/sign-in']);
    expect((await agent.submit(step, { code: person.code() })).html).toContain('Ada Lovelace');
  });

  test('ends when the password that began it changes', async () => {
    const person = await withApp();
    const agent = new UserAgent(provider.url);
    const step = await signIn(agent, person);
    await provider.operator.accounts.setPassword(person.id, 'an entirely new password', actorOf(person.id));
    const late = await agent.submit(step, { code: person.code() });
    expect([late.status, problem(late)]).toEqual([401, '<p>That took too long. Sign in again.</p>']);
  });
});

test('the second factor is still required after a password reset', async () => {
  const person = await withApp();
  await provider.operator.accounts.setPassword(person.id, 'an entirely new password', actorOf(person.id));
  const step = await signIn(new UserAgent(provider.url), { ...person, password: 'an entirely new password' });
  expect(heading(step)).toBe('One more step');
});
