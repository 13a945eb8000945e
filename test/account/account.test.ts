import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import type { Browser } from 'playwright-core';
import { introspect, signIn, userinfo } from '../oidc/support/flow.ts';
import { startProvider, type Person, type Provider } from '../oidc/support/provider.ts';
import { UserAgent, type Page } from '../oidc/support/user-agent.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Letters, readLetters } from './support/mail.ts';
import { enterTab, PAGES } from './support/pages.ts';
import { addAuthenticator } from './support/passkeys.ts';

const NEXT = 'an entirely new password';

let provider: Provider;
let letters: Letters;
let browser: Browser;
beforeAll(async () => {
  provider = await startProvider();
  letters = readLetters(provider.postern);
  browser = await launchBrowser();
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];

/** Signs in without an app. */
async function enter(
  { email, password }: Person,
  start = '/account',
  { url } = provider,
): Promise<{ agent: UserAgent; page: Page }> {
  const agent = new UserAgent(url);
  const page = await agent.submit(await agent.open(start), { identifier: email, password }, '/sign-in');
  return { agent, page };
}

test('the account pages work on PostgreSQL alone, without Redis', async () => {
  const alone = await startProvider({ stores: 'PostgreSQL' });
  const mail = readLetters(alone.postern);
  const person = await alone.createPerson();
  const client = await alone.createClient();
  const tokens = await signIn(alone, client, person);
  const elsewhere = await enter(person, '/account', alone);
  const { agent } = await enter(person, '/account', alone);
  for (const path of PAGES) expect((await agent.open(path)).status).toBe(200);

  const profile = await agent.submit(
    await agent.open('/account/profile'),
    { name: 'Countess', username: person.username },
    '/account/profile',
  );
  expect(profile.html).toContain('Your profile is saved');
  const next = `new-${person.email}`;
  await agent.submit(await agent.open('/account/email'), { email: next }, '/account/email');
  await agent.submit(await agent.open(await mail.link(next, '/verify-email')), {});
  expect((await alone.operator.accounts.find(person.id))?.email).toBe(next);

  const setUp = await agent.submit(
    await agent.open('/account/factors'),
    { name: 'Phone' },
    '/account/factors/totp',
  );
  const secret = /<code>([A-Z2-7 ]+)<\/code>/.exec(setUp.html)?.[1]?.replaceAll(' ', '') ?? '';
  const codes = await agent.submit(setUp, { code: generateSync({ secret }) }, '/confirm');
  expect(codes.html.match(/<li><code>/g)).toHaveLength(10);
  await agent.submit(await agent.open('/account/factors'), {}, '/remove');

  await agent.submit(await agent.open('/account/sessions'), {}, '/end-others');
  expect((await elsewhere.agent.open('/account')).url.pathname).toBe('/sign-in');
  expect((await introspect(alone, client, tokens.access_token)).body).toEqual({ active: false });
  const values = { current: person.password, password: NEXT };
  const changed = await agent.submit(await agent.open('/account/password'), values, '/account/password');
  expect(changed.html).toContain('Your password is changed');
  const gone = await agent.submit(await agent.open('/account/delete'), { email: next }, '/account/delete');
  expect(heading(gone)).toBe('Your account is deleted');
});

test('a visitor without a session signs in first and returns to the page', async () => {
  const person = await provider.createPerson();
  for (const start of PAGES) {
    const { page } = await enter(person, start);
    expect([start, page.url.pathname, page.status]).toEqual([start, start, 200]);
  }
  const elsewhere = await enter(person, '/sign-in?next=//evil.example');
  expect(elsewhere.page.url.pathname).toBe('/account');
});

test('a new address takes effect once it is confirmed, and the old address is notified', async () => {
  const person = await provider.createPerson();
  const { agent } = await enter(person);
  const next = `new-${person.email}`;
  const sent = await agent.submit(await agent.open('/account/email'), { email: next }, '/account/email');
  expect(sent.html).toContain('A message is on its way to');
  expect((await provider.operator.accounts.find(person.id))?.email).toBe(person.email);
  expect((await letters.next(person.email)).subject).toBe('Your email address is about to change');
  const link = await letters.link(next, '/verify-email');
  const other = new UserAgent(provider.url);
  const { password } = person;
  expect(heading(await other.submit(await other.open(link), { password }))).toBe(
    'Your email address is confirmed',
  );
  expect((await provider.operator.accounts.find(person.id))?.email).toBe(next);
});

test('reading the mailbox of the new address is not enough to take over the account', async () => {
  const [person, stranger] = [await provider.createPerson(), await provider.createPerson()];
  const { agent } = await enter(person);
  const next = `typo-${person.email}`;
  await agent.submit(await agent.open('/account/email'), { email: next }, '/account/email');
  const link = await letters.link(next, '/verify-email');
  const others = [new UserAgent(provider.url), (await enter(stranger)).agent];
  for (const other of others)
    for (const values of [
      {},
      { unknown: 'yes' },
      { password: 'a guess' },
      { password: 'x', unknown: 'yes' },
    ]) {
      const page = await other.submit(await other.open(link), values);
      expect([values, page.status]).toEqual([values, 400]);
    }
  expect((await provider.operator.accounts.find(person.id))?.email).toBe(person.email);
  expect(heading(await agent.submit(await agent.open(link), {}))).toBe('Your email address is confirmed');
  expect((await provider.operator.accounts.find(person.id))?.email).toBe(next);
});

test('a new password ends all other sessions', async () => {
  const person = await provider.createPerson();
  const client = await provider.createClient();
  const tokens = await signIn(provider, client, person);
  const elsewhere = await enter(person);
  const { agent } = await enter(person);
  const page = await agent.open('/account/password');
  const wrong = await agent.submit(page, { current: 'wrong', password: NEXT }, '/account/password');
  expect([wrong.status, wrong.html.includes('id="current-error"')]).toEqual([400, true]);
  const weak = await agent.submit(
    page,
    { current: person.password, password: 'password' },
    '/account/password',
  );
  expect([weak.status, weak.html.includes('id="password-error"')]).toEqual([400, true]);
  const done = await agent.submit(page, { current: person.password, password: NEXT }, '/account/password');
  expect([done.url.pathname, done.html.includes('Your password is changed')]).toEqual(['/account', true]);
  expect((await elsewhere.agent.open('/account')).url.pathname).toBe('/sign-in');
  expect((await userinfo(provider, tokens.access_token)).status).toBe(401);
});

describe('with a login more than ten minutes old,', () => {
  const age = (id: string) =>
    provider.sql(
      `update oidc_records set payload = jsonb_set(payload::jsonb, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 700))::json
       where model = 'Session' and account_id = $1`,
      [id],
    );

  test.each(['email', 'password', 'delete'])('/account/%s asks to sign in again', async (name) => {
    const person = await provider.createPerson();
    const { agent } = await enter(person);
    const start = `/account/${name}`;
    const page = await agent.open(start);
    await age(person.id);
    expect((await agent.open('/account/profile')).url.pathname).toBe('/account/profile');
    const posted = await agent.submit(
      page,
      { email: person.email, current: person.password, password: NEXT },
      start,
    );
    expect(posted.url.pathname).toBe('/sign-in');
    const again = await agent.open(start);
    expect(again.url.pathname).toBe('/sign-in');
    expect(again.html).toContain('For your security, sign in again');
    expect(again.html).toContain(`value="${person.email}"`);
    const { email: identifier, password } = person;
    expect((await agent.submit(again, { identifier, password }, '/sign-in')).url.pathname).toBe(start);
  });

  test('factors cannot be changed', async () => {
    const person = await provider.createPerson();
    const { agent } = await enter(person);
    const page = await agent.open('/account/factors');
    await age(person.id);
    const posted = await agent.submit(page, { name: 'Phone' }, '/account/factors/totp');
    expect(posted.url.pathname).toBe('/sign-in');
    expect((await agent.open('/account/factors/passkeys/options')).url.pathname).toBe('/sign-in');
  });
});

test('an authenticator app is set up, required at sign-in, renamed and removed', async () => {
  const person = await provider.createPerson();
  const { agent } = await enter(person);
  const setUp = await agent.submit(
    await agent.open('/account/factors'),
    { name: 'My <phone>' },
    '/account/factors/totp',
  );
  expect(setUp.html).toContain('src="data:image/svg+xml;base64,');
  const secret = /<code>([A-Z2-7 ]+)<\/code>/.exec(setUp.html)?.[1]?.replaceAll(' ', '') ?? '';
  const wrong = await agent.submit(setUp, { code: '000000' }, '/confirm');
  expect([wrong.status, wrong.html.includes('This code is not right')]).toEqual([400, true]);
  const codes = await agent.submit(wrong, { code: generateSync({ secret }) }, '/confirm');
  expect(codes.html.match(/<li><code>[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}<\/code>/g)).toHaveLength(10);
  expect((await letters.next(person.email)).subject).toBe('A way to sign in was added to your account');

  const { page: step } = await enter(person);
  expect(heading(step)).toBe('One more step');
  const list = await agent.open('/account/factors');
  expect(list.html).toContain('My &lt;phone&gt;');
  const renamed = await agent.submit(list, { name: 'Old phone' }, '/rename');
  expect(renamed.html).toContain('Old phone');
  const newCodes = await agent.submit(renamed, {}, '/account/factors/codes');
  expect(newCodes.html.match(/<li><code>/g)).toHaveLength(10);
  const removed = await agent.submit(await agent.open('/account/factors'), {}, '/remove');
  expect(removed.html).toContain('It is removed');
  expect((await enter(person)).page.url.pathname).toBe('/account');
});

test('a passkey is added, works alone and as the second factor, and is removed', async () => {
  const person = await provider.createPerson();
  const tab = await enterTab(browser, provider, person, '/account/factors');
  const authenticator = await addAuthenticator(tab);
  await tab.getByRole('button', { name: 'Add a passkey' }).click();
  await tab.getByRole('heading', { name: 'Save your recovery codes' }).waitFor();
  expect(await authenticator.credentials()).toBe(1);

  const signOut = async () => {
    await tab.goto(`${provider.url}/account`);
    await tab.getByRole('button', { name: 'Sign out' }).click();
    await tab.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
  };
  await signOut();
  await tab.goto(`${provider.url}/sign-in`);
  // The browser offers the passkey by itself, or the person asks for it.
  await tab
    .getByRole('button', { name: 'Sign in with a passkey' })
    .click({ timeout: 3000 })
    .catch(() => undefined);
  await tab.waitForURL(`${provider.url}/account`);
  const [session] = await provider.sql(
    `select payload->>'acr' as acr from oidc_records where model = 'Session' and account_id = $1`,
    [person.id],
  );
  expect(session).toEqual({ acr: 'urn:postern:acr:phr' });

  await signOut();
  // Use the same passkey after the password. Block the options, or the browser would sign in with the passkey
  // by itself.
  await tab.route('**/sign-in/passkey', (route) => route.abort());
  await tab.goto(`${provider.url}/sign-in`);
  await tab.getByLabel('Email or username').fill(person.email);
  await tab.getByLabel('Password', { exact: true }).fill(person.password);
  await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
  await tab.getByRole('heading', { name: 'One more step' }).waitFor();
  await tab.getByRole('button', { name: 'Use a passkey' }).click();
  await tab.waitForURL(`${provider.url}/account`);

  await tab.goto(`${provider.url}/account/factors`);
  await tab.getByRole('button', { name: 'Remove My device' }).click();
  await tab.getByText('It is removed').waitFor();
  expect((await enter(person)).page.url.pathname).toBe('/account');
  await tab.context().close();
});

describe('sessions on the account page', () => {
  test('are listed with their browsers, and take their apps’ tokens with them when ended', async () => {
    const person = await provider.createPerson();
    const client = await provider.createClient();
    const other = new UserAgent(provider.url);
    const tokens = await signIn(provider, client, person, { agent: other });
    const { agent } = await enter(person);
    const page = await agent.open('/account/sessions');
    expect(page.html.match(/<li class="item">/g)).toHaveLength(2);
    expect(page.html.match(/This one/g)).toHaveLength(1);
    expect((await agent.open('/account')).html).toContain('Signed in on 2 devices');
    const ended = await agent.submit(page, {}, '/end');
    expect(ended.html).toContain('That device is signed out');
    expect((await introspect(provider, client, tokens.access_token)).body).toEqual({ active: false });
    expect((await introspect(provider, client, tokens.refresh_token)).body).toEqual({ active: false });
    expect((await other.open('/account')).url.pathname).toBe('/sign-in');
    expect((await agent.open('/account')).html).toContain('Signed in on one device');
  });

  test('are ended all at once, except for the current one', async () => {
    const person = await provider.createPerson();
    const others = [await enter(person), await enter(person)];
    const { agent } = await enter(person);
    await agent.submit(await agent.open('/account/sessions'), {}, '/end-others');
    for (const one of others) expect((await one.agent.open('/account')).url.pathname).toBe('/sign-in');
    expect((await agent.open('/account')).url.pathname).toBe('/account');
  });

  test('of other people cannot be ended', async () => {
    const [mine, theirs] = [await provider.createPerson(), await provider.createPerson()];
    const victim = await enter(theirs);
    const [session] = await provider.sql(
      `select uid from oidc_records where model = 'Session' and account_id = $1`,
      [theirs.id],
    );
    await enter(mine);
    const { agent } = await enter(mine);
    const page = await agent.open('/account/sessions');
    const forged = {
      ...page,
      html: page.html.replaceAll(/sessions\/[\w-]{10,}\/end/g, `sessions/${String(session?.['uid'])}/end`),
    };
    await agent.submit(forged, {}, `${String(session?.['uid'])}/end`);
    expect((await victim.agent.open('/account')).url.pathname).toBe('/account');
  });
});

test('an app is listed with its permissions and loses them as soon as it is disconnected', async () => {
  const person = await provider.createPerson();
  const client = await provider.createClient({ client_uri: 'https://app.example.test/' });
  const tokens = await signIn(provider, client, person, {
    parameters: { scope: 'openid email offline_access', prompt: 'consent' },
  });
  const { agent } = await enter(person);
  const page = await agent.open('/account/apps');
  expect(page.html).toContain('See your email address');
  expect((await agent.open('/account')).html).toContain('One app has access');
  const done = await agent.submit(page, {}, '/disconnect');
  expect(done.html).toContain('No app uses your account');
  expect((await agent.open('/account')).html).toContain('No apps have access');
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    expect((await introspect(provider, client, token)).body).toEqual({ active: false });
  }
});

test('an account is deleted after its address was typed, with all its sessions and tokens', async () => {
  const person = await provider.createPerson();
  const client = await provider.createClient();
  const tokens = await signIn(provider, client, person);
  const { agent } = await enter(person);
  const page = await agent.open('/account/delete');
  expect((await agent.submit(page, { email: 'other@example.test' }, '/account/delete')).status).toBe(400);
  const done = await agent.submit(page, { email: person.email.toUpperCase() }, '/account/delete');
  expect(heading(done)).toBe('Your account is deleted');
  expect(await provider.operator.accounts.find(person.id)).toBeNull();
  expect((await userinfo(provider, tokens.access_token)).status).toBe(401);
  expect((await agent.open('/account')).url.pathname).toBe('/sign-in');
});

test('password managers find the pages to change a password and to manage passkeys', async () => {
  const reply = await fetch(`${provider.url}/.well-known/change-password`, { redirect: 'manual' });
  expect([reply.status, reply.headers.get('location')]).toEqual([303, '/account/password']);
  const passkeys = await fetch(`${provider.url}/.well-known/passkey-endpoints`);
  expect(passkeys.headers.get('content-type')).toContain('application/json');
  const url = `${provider.url}/account/factors`;
  expect(await passkeys.json()).toEqual({ enroll: url, manage: url });
});
