import { beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../api/support/client.ts';
import { askForLogin, POLL } from '../oidc/support/ciba.ts';
import { answer, atOnce, authorizationUrl, exchange, signIn, userinfo } from '../oidc/support/flow.ts';
import { startProvider, type Provider } from '../oidc/support/provider.ts';
import { UserAgent, type Page } from '../oidc/support/user-agent.ts';
import { systemActor } from '../../src/core/actor.ts';
import { escapeHtml } from '../../src/http/pages/templates.ts';
import { launchBrowser } from '../support/browser.ts';
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

/** Requests an account. @returns the next page. */
async function register(agent: UserAgent, email: string, start = '/register'): Promise<Page> {
  return agent.submit(await agent.open(start), { email });
}

/** Creates the account with the link. */
async function complete(agent: UserAgent, link: string, username: string): Promise<Page> {
  return agent.submit(await agent.open(link), { username, name: 'New Comer', password: PASSWORD });
}

test('the link creates the account, verifies its address and signs in', async () => {
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
  // The same when the account is deleted while the link is still valid.
  await provider.operator.accounts.remove(user?.id ?? '', systemActor);
  for (const spelling of [link, `${link}=`]) {
    const late = await new UserAgent(provider.url).open(spelling);
    expect([late.status, heading(late)]).toEqual([400, 'This link no longer works']);
  }
});

test('registration does not reveal which addresses have accounts', async () => {
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

describe('in an authorization request, registration', () => {
  test('continues where it started in the browser that began it', async () => {
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

  test('on another device creates the account and says where to continue', async () => {
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

const post = async (path: string, body: object) => {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${provider.url}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: reply.status, body: (await reply.json()) as object };
};

/** Takes messages for `address` until one has the subject. */
async function letterAbout(subject: string, address: string): Promise<void> {
  while ((await letters.next(address)).subject !== subject);
}

// What is typed at registration, what the owner types later, and what messages and claims contain.
test.each([
  // Chromium encodes the domain like this in a field for email addresses.
  ['max1@xn--mller-kva.example', 'Max1@Müller.example'],
  ['max2@müller.example', 'ｍａｘ２＠ｘｎ--mller-kva.example', 'max2@xn--mller-kva.example'],
  ["a&b/c=d#e!f$g%h*i?j^k{l|m}n~o`p'q@example.test", "A&b/c=d#e!f$g%h*i?j^k{l|m}n~o`p'q@EXAMPLE.test"],
  [
    'dörte@sörensen.example',
    'DO\u0308RTE@xn--srensen-90a.example',
    'dörte@sörensen.example',
    'dörte@xn--srensen-90a.example',
  ],
])('an account registered as %s is found as %s', async (email, typed, to = email, claim = to) => {
  const name = newName();
  const agent = new UserAgent(provider.url);
  await register(agent, email);
  await complete(agent, await letters.link(to, '/verify-email'), name);

  const person = { id: '', email: typed, username: name, password: PASSWORD };
  const client = await provider.createClient();
  const hint = { login_hint: typed };
  const hinted = await new UserAgent(provider.url).open(authorizationUrl(provider, client, hint));
  expect(hinted.html).toContain(`value="${escapeHtml(typed)}"`);
  const tokens = await signIn(provider, client, person);
  expect((await userinfo(provider, tokens.access_token)).body).toMatchObject({ email: claim });
  const credentials = { email: typed, password: PASSWORD };
  expect((await post('/contracts/ppl/api/v1/auth/login', credentials)).status).toBe(200);
  expect((await askForLogin(provider, await provider.createClient(POLL), hint)).status).toBe(200);
  await letterAbout('An app asks you to approve a sign-in', to);
  expect(await provider.operator.accounts.findByEmail(typed)).toMatchObject({ username: name });
  const forgot = new UserAgent(provider.url);
  await forgot.submit(await forgot.open('/forgot-password'), { identifier: typed });
  await letterAbout('Reset your password', to);

  await register(new UserAgent(provider.url), typed);
  await letterAbout('You have an account already', to);
  const taken = await post('/contracts/ppl/api/v1/auth/register', { ...credentials, name: 'Other' });
  expect(taken).toEqual({ status: 400, body: { detail: 'Email already registered' } });
});

test('the account API accepts an internationalized address too', async () => {
  const app = await connect(provider, await provider.createPerson(), 'me:security:write');
  expect((await app.call('POST', '/me/email', { email: 'нов@почта.example' })).status).toBe(202);
  await letterAbout('Confirm your email address', 'нов@почта.example');
  expect((await app.call('POST', '/me/email', { email: 'a b@example.test' })).status).toBe(400);
});

test('one of several parallel registrations with the same link creates the account', async () => {
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

test('an altered, truncated or invented registration link is refused', async () => {
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

test('a refused form does not use up the registration link', async () => {
  const name = newName();
  const agent = new UserAgent(provider.url);
  await register(agent, addressOf(name));
  const link = await letters.link(addressOf(name), '/verify-email');
  const page = await agent.open(link);
  const weak = await agent.submit(page, { username: name, password: 'password' });
  expect(weak.status).toBe(400);
  expect(weak.html).toContain('one of the most common');
  const done = await agent.submit(weak, { username: name, password: PASSWORD });
  expect(done.status).toBe(200);
});

test('message and page use the language in which the account was requested, and the account keeps it', async () => {
  const client = await provider.createClient();
  const agent = new UserAgent(provider.url);
  const name = newName();
  const start = authorizationUrl(provider, client, { prompt: 'create', ui_locales: 'es' });
  await agent.submit(await agent.open(start), { email: addressOf(name) });
  const letter = await letters.next(addressOf(name));
  expect(letter.headers.find(({ key }) => key === 'content-language')?.value).toBe('es');
  const link = /\/verify-email\S*/.exec(letter.text ?? '')?.[0] ?? '';
  const form = await agent.open(link);
  expect(form.headers.get('content-language')).toBe('es');
  await agent.submit(form, { username: name, password: PASSWORD });
  expect(await provider.operator.accounts.findByUsername(name)).toMatchObject({ locale: 'es' });
});

describe('without verifyEmail, the account', () => {
  let plain: Provider;
  beforeAll(async () => {
    plain = await startProvider({ settings: { registration: { verifyEmail: false } } });
  });

  test('is created at once', async () => {
    const mail = readLetters(plain.postern);
    const agent = new UserAgent(plain.url);
    const name = newName();
    const values = { username: name, name: 'New Comer', email: addressOf(name), password: PASSWORD };
    const done = await agent.submit(await agent.open('/register?lang=de'), values);
    expect(done.html).toContain('New Comer');
    const letter = await mail.next(addressOf(name));
    expect(letter.headers.find(({ key }) => key === 'content-language')?.value).toBe('de');
    expect(await plain.operator.accounts.findByUsername(name)).toMatchObject({ locale: 'de' });
    await agent.open('/register?lang=en');
    const taken = await agent.submit(await agent.open('/register'), { ...values, username: `${name}-2` });
    expect(taken.html).toContain('There is already an account');
    expect(taken.html).toMatch(/<a href="\/sign-in">Sign in instead</);

    const worst = { username: name, email: addressOf(name), name: 'x'.repeat(201), password: name };
    const wrong = await agent.submit(await agent.open('/register'), worst);
    expect(wrong.status).toBe(400);
    for (const field of ['name', 'email', 'username', 'password'])
      expect(wrong.html).toContain(`id="${field}-error"`);
    expect(wrong.html).toContain(`value="${name}"`);
    expect(wrong.html).not.toContain(`value="${worst.password}" autocomplete="new-password"`);
    const withoutPassword = await agent.submit(await agent.open('/register'), { ...worst, password: '' });
    for (const field of ['email', 'username', 'password'])
      expect(withoutPassword.html).toContain(`id="${field}-error"`);
  });

  test('reports all mistakes in a browser and keeps the password in its field alone', async () => {
    const client = await plain.createClient({ first_party: true });
    const other = await plain.createPerson();
    const browser = await launchBrowser();
    const page = await (await browser.newContext()).newPage();
    const pages: string[] = [];
    page.on(
      'response',
      (reply) =>
        void reply.text().then(
          (html) => pages.push(html),
          () => undefined,
        ),
    );
    await page.goto(authorizationUrl(plain, client, { prompt: 'create' }));
    const name = newName();
    const password = 'password1';
    await page.getByLabel('Email').fill(other.email);
    await page.getByLabel('Username').fill('_');
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').getByRole('link').allInnerTexts()).toEqual([
      'Email',
      'Username',
      'Password',
    ]);
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe(password);
    expect(await page.getByLabel('Email').inputValue()).toBe(other.email);
    expect(pages.filter((html) => html.includes(password))).toEqual([]);
    expect(await page.getByRole('link', { name: 'Sign in instead' }).getAttribute('href')).toMatch(
      /^\/interaction\//,
    );
    await page.getByLabel('Email').fill(addressOf(name));
    await page.getByLabel('Username').fill(name);
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    const arrived = page.waitForRequest((request) => request.url().startsWith(client.redirectUri));
    await page.getByRole('button', { name: 'Create account' }).click();
    await arrived;
    expect(await plain.operator.accounts.findByUsername(name)).toMatchObject({ email: addressOf(name) });
  });
});
