import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { authorizationUrl, exchange } from '../oidc/support/flow.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { Authenticator, type Ceremony } from '../support/authenticator.ts';
import { launchBrowser } from '../support/browser.ts';
import { freePort } from '../support/ports.ts';
import { enterTab } from './support/pages.ts';
import { addAuthenticator } from './support/passkeys.ts';

type CreationOptions = Parameters<Authenticator['create']>[0];
type RequestOptions = Parameters<Authenticator['get']>[0];

const PHR = 'urn:postern:acr:phr';
const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const alertOf = ({ html }: Page) =>
  /role="alert"[^>]*>(.*?)<\/div>/s.exec(html)?.[1]?.replace(/<[^>]*>/g, '');

let provider: Provider;
beforeAll(async () => {
  provider = await startProvider({
    settings: {
      lockout: { pair: { attempts: 1000 }, source: { attempts: 1000 }, account: { attempts: 1000 } },
    },
  });
});

async function optionsOn<T>(agent: UserAgent, { url, html }: Page): Promise<T> {
  const path = /data-options="([^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
  return JSON.parse((await agent.open(new URL(path, url))).html) as T;
}

async function enter({ email, password }: Person): Promise<UserAgent> {
  const agent = new UserAgent(provider.url);
  const values = { identifier: email, password };
  await agent.submit(await agent.open('/sign-in'), values, '/sign-in');
  return agent;
}

/** A person with a passkey, created on the account page. */
async function withPasskey(): Promise<{ person: Person; authenticator: Authenticator }> {
  const person = await provider.createPerson();
  const agent = await enter(person);
  const authenticator = new Authenticator(provider.url);
  const page = await agent.open('/account/factors');
  const passkey = JSON.stringify(authenticator.create(await optionsOn<CreationOptions>(agent, page)));
  const done = await agent.submit(page, { passkey, name: 'Laptop' }, '/account/factors/passkeys');
  expect(heading(done)).toBe('Save your recovery codes');
  return { person, authenticator };
}

/** Signs in with a passkey alone, as the script of the page does. */
async function signIn(authenticator: Authenticator, ceremony: Ceremony = {}): Promise<Page> {
  const agent = new UserAgent(provider.url);
  const page = await agent.open('/sign-in');
  const options = await optionsOn<RequestOptions>(agent, page);
  return send(agent, page, authenticator.get(options, ceremony));
}

/** Sends the passkey to the action of its button, not of its form. */
function send(agent: UserAgent, page: Page, passkey: unknown): Promise<Page> {
  const html = page.html.replace('action="/sign-in"', 'action="/sign-in/passkey"');
  return agent.submit({ ...page, html }, { passkey: JSON.stringify(passkey) }, '/sign-in/passkey');
}

describe('an invalid passkey reply is refused with a readable message:', () => {
  test.each<[string, Ceremony, string]>([
    ['from another origin', { origin: 'https://evil.example' }, 'used at another address'],
    ['from a page framed by another site', { crossOrigin: true }, 'used at another address'],
    ['for another site', { rpId: 'evil.example' }, 'used at another address'],
    [
      'to an invented challenge',
      { challenge: Buffer.alloc(54, 1).toString('base64url') },
      'That took too long',
    ],
    ['to a truncated challenge', { challenge: 'AAAA' }, 'That took too long'],
    ['with a wrong signature', { forged: true }, 'could not be checked'],
    ['of the wrong type', { type: 'webauthn.create' }, 'could not be checked'],
    ['without a user handle', { userPresent: false }, 'did not check that it is you'],
    ['without user verification', { userVerified: false }, 'did not check that it is you'],
    [
      'with another user’s handle',
      { userHandle: Buffer.alloc(32, 7).toString('base64url') },
      'does not belong to an account here',
    ],
  ])('%s', async (_name, ceremony, words) => {
    const { authenticator } = await withPasskey();
    const refused = await signIn(authenticator, ceremony);
    expect([refused.status, refused.html.includes(words)]).toEqual([401, true]);
    expect((await signIn(authenticator)).url.pathname).toBe('/account');
  });

  test('with a counter that went back', async () => {
    const { authenticator, person } = await withPasskey();
    expect((await signIn(authenticator, { counter: 5 })).url.pathname).toBe('/account');
    const copied = await signIn(authenticator, { counter: 5 });
    expect([copied.status, copied.html.includes('may have been copied')]).toEqual([401, true]);
    const failed = await provider.audited('factor.failed', person.id);
    expect(failed).toMatchObject({ outcome: 'failure', details: { method: 'passkey', reason: 'counter' } });
  });

  test('sent twice, one after the other or in parallel', async () => {
    const { authenticator } = await withPasskey();
    const agent = new UserAgent(provider.url);
    const page = await agent.open('/sign-in');
    const reply = authenticator.get(await optionsOn<RequestOptions>(agent, page));
    const tries = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const one = new UserAgent(provider.url);
        return send(one, await one.open('/sign-in'), reply);
      }),
    );
    expect(tries.filter(({ url }) => url.pathname === '/account')).toHaveLength(1);
    const late = await send(agent, page, reply);
    expect([late.status, late.html.includes('That took too long')]).toEqual([401, true]);
  });

  test('malformed, or with an unknown passkey', async () => {
    for (const passkey of [null, 'x', {}, { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: {} }]) {
      const agent = new UserAgent(provider.url);
      const refused = await send(agent, await agent.open('/sign-in'), passkey);
      expect([passkey, refused.status]).toEqual([passkey, 401]);
    }
    const { authenticator, person } = await withPasskey();
    const [passkey] = (await provider.operator.mfa.status(person.id)).passkeys;
    await provider.operator.mfa.passkeys.remove(person.id, passkey?.id ?? '', {
      kind: 'operator',
      id: null,
      door: 'test',
      ip: null,
      userAgent: null,
      requestId: null,
    });
    const gone = await signIn(authenticator);
    expect([gone.status, gone.html.includes('does not belong to an account here')]).toEqual([401, true]);
  });

  test('with one person’s passkey as another’s second factor', async () => {
    const [mine, theirs] = [await withPasskey(), await withPasskey()];
    const agent = new UserAgent(provider.url);
    const { email: identifier, password } = theirs.person;
    const step = await agent.submit(await agent.open('/sign-in'), { identifier, password }, '/sign-in');
    const reply = mine.authenticator.get(await optionsOn<RequestOptions>(agent, step));
    const refused = await agent.submit(step, { passkey: JSON.stringify(reply) });
    expect([refused.status, refused.html.includes('does not belong to an account here')]).toEqual([
      401,
      true,
    ]);
    // A challenge for a full login doesn't work after a password either.
    const whole = await optionsOn<RequestOptions>(agent, await agent.open('/sign-in'));
    const crossed = await agent.submit(refused, { passkey: JSON.stringify(theirs.authenticator.get(whole)) });
    expect([crossed.status, alertOf(crossed)]).toEqual([401, expect.stringContaining('took too long')]);
  });

  test.each<[string, Ceremony]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another site', { rpId: 'evil.example' }],
    ['another challenge', { challenge: Buffer.alloc(54, 1).toString('base64url') }],
    ['the wrong type', { type: 'webauthn.get' }],
  ])('at registration: %s', async (_name, ceremony) => {
    const person = await provider.createPerson();
    const agent = await enter(person);
    const page = await agent.open('/account/factors');
    const options = await optionsOn<CreationOptions>(agent, page);
    const passkey = JSON.stringify(new Authenticator(provider.url).create(options, ceremony));
    const refused = await agent.submit(page, { passkey, name: 'Laptop' }, '/account/factors/passkeys');
    expect(refused.status).toBe(400);
    expect((await provider.operator.mfa.status(person.id)).passkeys).toEqual([]);
  });

  test('at registration: a challenge issued to somebody else', async () => {
    const [mine, theirs] = [await provider.createPerson(), await provider.createPerson()];
    const other = await enter(theirs);
    const options = await optionsOn<CreationOptions>(other, await other.open('/account/factors'));
    const agent = await enter(mine);
    const page = await agent.open('/account/factors');
    const passkey = JSON.stringify(new Authenticator(provider.url).create(options));
    const refused = await agent.submit(page, { passkey, name: 'Laptop' }, '/account/factors/passkeys');
    expect([refused.status, refused.html.includes('That took too long')]).toEqual([400, true]);
  });
});

test('a person without a passkey creates one on the way when an app asks for a phishing-resistant login', async () => {
  const person = await provider.createPerson();
  const client = await provider.createClient();
  const agent = await enter(person);
  const setUp = await agent.open(authorizationUrl(provider, client, { acr_values: PHR }));
  expect(heading(setUp)).toBe('Protect your account first');
  const authenticator = new Authenticator(provider.url);
  const made = authenticator.create(await optionsOn<CreationOptions>(agent, setUp));
  const codes = await agent.submit(setUp, { passkey: JSON.stringify(made) }, '/enrol');
  expect(heading(codes)).toBe('Save your recovery codes');

  const onward = /href="([^"]*\/sign-in\/verify[^"]*)"/.exec(codes.html)?.[1] ?? '';
  const step = await agent.open(onward);
  const shown = authenticator.get(await optionsOn<RequestOptions>(agent, step));
  const consent = await agent.submit(step, { passkey: JSON.stringify(shown) });
  const { leftFor } = await agent.submit(consent, { decision: 'allow' }, '/consent');
  const { body } = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
  const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1] ?? '', 'base64url').toString()) as object;
  expect(claims).toMatchObject({ acr: PHR, amr: ['pwd', 'pop', 'user', 'mfa'] });
});

test('without a domain name passkeys are neither offered nor accepted', async () => {
  const port = await freePort();
  const env = { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` };
  const bare = await startProvider({ env, stores: 'PostgreSQL' });
  const person = await bare.createPerson();
  const agent = new UserAgent(bare.url);
  const start = await agent.open('/sign-in');
  expect(start.html).not.toContain('data-passkey');
  await agent.submit(start, { identifier: person.email, password: person.password }, '/sign-in');
  const factors = await agent.open('/account/factors');
  expect([factors.status, /passkey/i.test(factors.html.replaceAll(/<script.*?<\/script>/gs, ''))]).toEqual([
    200,
    false,
  ]);
  for (const name of ['passkey-endpoints', 'security.txt'])
    expect((await fetch(`${bare.url}/.well-known/${name}`)).status).toBe(404);
  const client = await bare.createClient();
  const { leftFor } = await agent.open(authorizationUrl(bare, client, { acr_values: PHR }));
  expect(leftFor?.searchParams.get('error')).toBe('unmet_authentication_requirements');
});

describe('passkeys in a browser:', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });

  test.each(['key without PIN', 'U2F key'] as const)(
    'a security key (%s) works as a second factor, and the page says why where it is not enough',
    async (kind) => {
      const person = await provider.createPerson();
      const tab = await enterTab(browser, provider, person, '/account/factors');
      const key = await addAuthenticator(tab, kind);
      await tab.getByRole('button', { name: 'Add a passkey' }).click();
      await tab.getByRole('heading', { name: 'Save your recovery codes' }).waitFor();
      expect(await key.credentials()).toBe(1);
      await tab.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await tab.getByRole('button', { name: 'Copy' }).click();
      await tab.getByRole('button', { name: 'Copied' }).waitFor();
      const copied = await tab.evaluate<string>('navigator.clipboard.readText()');
      expect(copied.split('\n')).toEqual(await tab.locator('.codes code').allInnerTexts());
      await tab.goto(`${provider.url}/account`);
      await tab.getByRole('button', { name: 'Sign out' }).click();
      await tab.getByRole('link', { name: 'Sign in', exact: true }).click();

      const signInAnew = async () => {
        await tab.getByLabel('Email or username').fill(person.email);
        await tab.getByLabel('Password', { exact: true }).fill(person.password);
        await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
        await tab.getByRole('heading', { name: 'One more step' }).waitFor();
        await tab.getByRole('button', { name: 'Use a passkey' }).click();
      };
      await signInAnew();
      await tab.waitForURL(`${provider.url}/account`);

      const client = await provider.createClient();
      const acr_values = 'urn:postern:acr:phr';
      await tab.goto(authorizationUrl(provider, client, { acr_values }));
      await tab.getByText('A security key without a PIN is not enough here').waitFor();
      // The server refuses with the same message what a less demanding page would send.
      await tab.route('**/verify?options*', async (route) => {
        const reply = await route.fetch();
        const options = (await reply.json()) as object;
        await route.fulfill({ json: { ...options, userVerification: 'discouraged' } });
      });
      await tab.getByRole('button', { name: 'Use a passkey' }).click();
      await tab.getByRole('alert').getByText('did not check that it is you').waitFor();
      await tab.context().close();
    },
  );

  test('where passkeys cannot be used, the page says why', async () => {
    const person = await provider.createPerson();
    const tab = await enterTab(browser, provider, person, '/account/factors');
    await addAuthenticator(tab);
    await tab.route('**/passkeys/options', (route) => route.abort());
    await tab.getByRole('button', { name: 'Add a passkey' }).click();
    await tab.getByText('Postern did not answer').waitFor();
    await tab.addInitScript('delete window.PublicKeyCredential');
    await tab.reload();
    await tab.getByText('This browser does not support passkeys').waitFor();
    expect(await tab.getByRole('button', { name: 'Add a passkey' }).isVisible()).toBe(false);
    const storageState = await tab.context().storageState();
    await tab.context().close();
    const plain = await (await browser.newContext({ javaScriptEnabled: false, storageState })).newPage();
    await plain.goto(`${provider.url}/account/factors`);
    expect(await plain.locator('noscript p').first().innerText()).toContain('Passkeys need JavaScript');
    expect(await plain.locator('#passkey-name').isVisible()).toBe(false);
    await plain.context().close();
  });
});
