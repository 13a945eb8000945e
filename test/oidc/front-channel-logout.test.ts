import { createServer } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type Letters, readLetters } from '../account/support/mail.ts';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { launchBrowser } from '../support/browser.ts';
import { listenUntilEnd } from '../support/listen.ts';
import { freePort } from '../support/ports.ts';
import { authorizationUrl, authorize } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { type Page as Shown, UserAgent } from './support/user-agent.ts';

/** A relying party that knows its user by a cookie and forgets them when its logout page is loaded. */
interface RelyingParty {
  client: Client;
  url: string;
  name: string;
  /** The queries of requests to its logout page. */
  notified: URLSearchParams[];
}

let provider: Provider;
let letters: Letters;
let browser: Browser;
let one: RelyingParty;
let two: RelyingParty;
beforeAll(async () => {
  provider = await startProvider({ settings: { registration: { verifyEmail: true } } });
  letters = readLetters(provider.postern);
  browser = await launchBrowser();
  [one, two] = [await startRelyingParty('one'), await startRelyingParty('two')];
});

async function startRelyingParty(name: string): Promise<RelyingParty> {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const notified: URLSearchParams[] = [];
  const server = createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '', url);
    if (pathname === '/callback') {
      res.writeHead(200, { 'set-cookie': `${name}=yes; Path=/; HttpOnly; SameSite=Lax` });
    } else if (pathname === '/logout') {
      notified.push(searchParams);
      res.writeHead(200, { 'set-cookie': `${name}=; Path=/; Max-Age=0` });
    }
    res.end(`<!doctype html><title>${name}</title><h1>${pathname}</h1>`);
  });
  await listenUntilEnd(server, port, 'localhost');
  const client = await provider.createClient({
    redirect_uris: [`${url}/callback`],
    post_logout_redirect_uris: [`${url}/goodbye`],
    frontchannel_logout_uri: `${url}/logout?app=${name}`,
    frontchannel_logout_session_required: true,
    first_party: true,
  });
  return { client, url, name, notified };
}

describe('front-channel logout', () => {
  /** Signs in to both clients in one browser. */
  async function visit(options = {}): Promise<{ context: BrowserContext; page: Page; person: Person }> {
    const context = await browser.newContext({ locale: 'en-US', ...options });
    const page = await context.newPage();
    const person = await provider.createPerson();
    await page.goto(authorizationUrl(provider, one.client));
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${one.url}/callback?**`);
    await page.goto(authorizationUrl(provider, two.client));
    await page.waitForURL(`${two.url}/callback?**`);
    expect(await appsOf(context)).toEqual(['one', 'two']);
    return { context, page, person };
  }
  const appsOf = async (context: BrowserContext) =>
    (await context.cookies())
      .map(({ name }) => name)
      .filter((name) => name === 'one' || name === 'two')
      .sort();
  /** Waits until both have forgotten their user. */
  const forgotten = async (context: BrowserContext) => {
    while ((await appsOf(context)).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  it.each([true, false])(
    'happens in the browser and returns to the requesting app (scripts: %s)',
    async (scripts) => {
      const { context, page } = await visit({ javaScriptEnabled: scripts });
      for (const { notified } of [one, two]) notified.length = 0;
      const query = new URLSearchParams({
        client_id: one.client.id,
        post_logout_redirect_uri: `${one.url}/goodbye`,
        state: 'a state',
      });
      await page.goto(`${provider.url}/oauth2/logout?${query.toString()}`);
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.waitForURL(`${one.url}/goodbye?state=a**`);
      await forgotten(context);
      for (const { notified, name } of [one, two]) {
        expect(notified).toHaveLength(1);
        expect(notified[0]?.get('iss')).toBe(provider.url);
        expect(notified[0]?.get('app')).toBe(name);
        expect(notified[0]?.get('sid')).toBeTruthy();
      }
      expect(one.notified[0]?.get('sid')).not.toBe(two.notified[0]?.get('sid'));
      await context.close();
    },
  );

  it('happens after signing out on the pages, which otherwise frame nothing', async () => {
    const { context, page } = await visit();
    await page.goto(`${provider.url}/`);
    const [reply] = await Promise.all([
      page.waitForResponse((response) => response.url().startsWith(`${provider.url}/signed-out?`)),
      page.getByRole('button', { name: 'Sign out' }).click(),
    ]);
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await forgotten(context);
    const policy = reply.headers()['content-security-policy'] ?? '';
    const frames = /frame-src ([^;]*)/.exec(policy)?.[1]?.split(' ').sort();
    expect(frames).toEqual([one.url, two.url].sort());
    expect(reply.headers()['refresh']).toBeUndefined();
    await context.close();
  });

  it('notifies only one app if the person stays signed in', async () => {
    const { context, page } = await visit();
    await page.goto(`${provider.url}/oauth2/logout?client_id=${one.client.id}`);
    await page.getByRole('button', { name: 'Stay signed in' }).click();
    await page.getByRole('heading', { name: /You are still signed in/ }).waitFor();
    while ((await appsOf(context)).includes('one')) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await appsOf(context)).toEqual(['two']);
    await context.close();
  });

  describe('notifies the apps of a person', () => {
    const outcomesOf = async ({ id }: Person): Promise<unknown[]> =>
      (await provider.sql('select type from audit_events where subject = $1 order by at', [id])).map(
        ({ type }) => type,
      );
    const ways: Record<string, (agent: UserAgent, person: Person) => Promise<[Shown, string]>> = {
      'in whose place another one signs in at the front door': async (agent) => {
        const { email, password } = await provider.createPerson();
        const form = await agent.open('/sign-in');
        return [await agent.submit(form, { identifier: email, password }, '/sign-in'), '/account'];
      },
      'in whose place another one makes an account': async (agent, { username }) => {
        const email = `new-${username}@example.test`;
        await agent.submit(await agent.open('/register'), { email });
        const form = await agent.open(await letters.link(email, '/verify-email'));
        const password = 'an entirely new password';
        return [await agent.submit(form, { username: `new-${username}`, password }), '/'];
      },
      'who deletes their account': async (agent, { email }) => [
        await agent.submit(await agent.open('/account/delete'), { email }, '/account/delete'),
        '/account/delete/done',
      ],
    };

    it.each(Object.keys(ways))('%s', async (way) => {
      const agent = new UserAgent(provider.url);
      const person = await provider.createPerson();
      for (const { client } of [one, two]) await authorize(provider, agent, client, person);
      const [page, next] = await ways[way]!(agent, person);
      expect(page.url.pathname).toBe('/signed-out');
      for (const { url } of [one, two]) expect(page.html).toContain(`<iframe src="${url}/logout?`);
      const onward = /url=(.*)$/.exec(page.headers.get('refresh') ?? '')?.[1] ?? '';
      expect((await agent.open(onward)).url.pathname).toBe(next);
      const outcomes = await outcomesOf(person);
      expect(outcomes.at(-1)).toBe(way.includes('deletes') ? 'user.deleted' : 'logout');
    });
  });

  it('is in discovery', async () => {
    const metadata = await fetch(`${provider.url}/.well-known/openid-configuration`);
    expect(await metadata.json()).toMatchObject({
      frontchannel_logout_supported: true,
      frontchannel_logout_session_supported: true,
    });
  });

  it.each([
    ['with another origin', 'https://elsewhere.example.test/logout'],
    ['with another scheme', 'http://app.example.test/logout'],
    ['with another port', 'https://app.example.test:8443/logout'],
    ['with a fragment', 'https://app.example.test/logout#x'],
    ['with credentials', 'https://user:secret@app.example.test/logout'],
    ['that is relative', '/logout'],
    ['that is a script', 'javascript:alert(1)'],
    ['that is not a string', 7],
  ])('refuses a URI %s', async (_name, uri) => {
    await expect(
      provider.operator.clients.create(shellOperator(systemActor), {
        name: 'Wrong',
        isPublic: false,
        metadata: { redirect_uris: ['https://app.example.test/cb'], frontchannel_logout_uri: uri },
      }),
    ).rejects.toMatchObject({ code: 'invalid_client_metadata' });
  });
});
