import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import type { Browser, Page } from 'playwright-core';
import { allow, newPerson, shows, signIn } from '../e2e/support/person.ts';
import { form } from '../oidc/support/flow.ts';
import { launchBrowser } from '../support/browser.ts';
import { freePort } from '../support/ports.ts';
import { runCli, type Postern, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { startExample } from './support/example.ts';
import { pageOf } from './support/pages.ts';

const person = newPerson();
let postern: Postern;
let browser: Browser;
beforeAll(async () => {
  const { url: databaseUrl } = await createDatabase();
  [postern, browser] = await Promise.all([startPostern({ databaseUrl }), launchBrowser()]);
  const account = ['--username', person.username, '--email', person.email, '--name', person.name];
  await runCli(['user', 'create', '--json', ...account, '--password', person.password], {
    env: postern.env,
  });
});

/** Registers a client with the command from docs/connecting, on another port. */
async function register(name: string, port: number): Promise<{ client_id: string; client_secret?: string }> {
  const command = pageOf(name).command.map((word) => word.replace('localhost:3000', `localhost:${port}`));
  const { stdout, stderr } = await runCli(command, { env: postern.env });
  try {
    return JSON.parse(stdout) as { client_id: string; client_secret?: string };
  } catch {
    throw new Error(`${command.join(' ')}: ${stdout}${stderr}`);
  }
}

const press = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name }).or(page.getByRole('link', { name })).click();

/** How an example differs from one with a sign-in link and a sign-out that ends only its own session. */
interface Way {
  /** What the example shows before it redirects to Postern. */
  before?: (page: Page) => Promise<void>;
  /** What the example asks before it signs out. */
  confirm?: (page: Page) => Promise<void>;
  /** Whether it signs out at Postern too (OpenID Connect RP-Initiated Logout 1.0). */
  endsSession?: true;
}

const ways: Record<string, Way> = {
  'auth-js': {
    before: (page) => press(page, 'Sign in with Postern'),
    confirm: (page) => page.getByRole('button', { name: 'Sign out' }).click(),
  },
  'express-openid-connect': { endsSession: true },
  'passport': {},
  'react': { endsSession: true },
  'angular': { endsSession: true },
  'authlib': {},
  'mozilla-django-oidc': {},
  'django-allauth': {},
};

it.each(Object.entries(ways))(
  'docs/connecting/%s.md: a person signs in, is known by name and address, and signs out',
  async (name, { before, confirm, endsSession }) => {
    const port = await freePort();
    const client = await register(name, port);
    const url = await startExample({ name, port, issuer: postern.url, client });
    const endOfSession = `${postern.url}/oauth2/logout`;
    const page = await (await browser.newContext({ locale: 'en-US' })).newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(url);
    await press(page, 'Sign in');
    await before?.(page);
    await signIn(page, person);
    await allow(page);
    await shows(page, `Hello, ${person.name}`);
    expect(await page.getByText(person.email).count()).toBe(1);
    expect(new URL(page.url()).origin).toBe(url);

    // Some examples forget the person before they redirect, so their page does not prove that Postern has
    // answered.
    const ended = endsSession && page.waitForResponse((response) => response.url().startsWith(endOfSession));
    await press(page, 'Sign out');
    await confirm?.(page);
    if (ended) expect((await ended).status()).toBe(303);
    await shows(page, 'Not signed in');
    await page.goto(`${postern.url}/account`);
    await shows(page, endsSession ? /^Sign in/ : /./);
    expect((await page.getByLabel('Password', { exact: true }).count()) > 0).toBe(endsSession === true);
    await page.context().close();
  },
);

describe('docs/resource-servers.md', () => {
  const AUDIENCE = 'https://api.example.com';
  let credentials: string;
  beforeAll(async () => {
    const api = [
      '--identifier',
      AUDIENCE,
      '--name',
      'Orders',
      '--scope',
      'orders:read',
      '--scope',
      'orders:write',
    ];
    const job = ['--name', 'Job', '--grant', 'client_credentials', '--scope', 'orders:read orders:write'];
    const [, { stdout }] = await Promise.all([
      runCli(['api', 'create', '--json', ...api], { env: postern.env }),
      runCli(['client', 'create', '--json', ...job], { env: postern.env }),
    ]);
    const { client_id: id, client_secret: secret } = JSON.parse(stdout) as Record<string, string>;
    credentials = Buffer.from(`${id}:${secret}`).toString('base64');
  });

  /** A token for `resource`, once the server knows the API. */
  async function tokenFor(resource: string, scope?: string): Promise<string> {
    for (;;) {
      const reply = await fetch(`${postern.url}/oauth2/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${credentials}` },
        body: form({ grant_type: 'client_credentials', resource, ...(scope === undefined ? {} : { scope }) }),
      });
      const { access_token: token } = (await reply.json()) as { access_token?: string };
      if (token !== undefined) return token;
    }
  }

  it.each([
    ['express', '/orders'],
    ['forward-auth', '/?scope=orders:read'],
    ['pyjwt', '/orders'],
  ])('examples/apis/%s accepts tokens with its audience and the scope', async (name, at) => {
    const [good, narrow, foreign] = await Promise.all([
      tokenFor(AUDIENCE, 'orders:read'),
      tokenFor(AUDIENCE, 'orders:write'),
      tokenFor(`${postern.url}/api/v2`),
    ]);
    const forged = `${good.slice(0, good.lastIndexOf('.'))}.${'A'.repeat(86)}`;
    const port = await freePort();
    const url = await startExample({ name: `apis/${name}`, port, issuer: postern.url, audience: AUDIENCE });
    const ask = (authorization: string) => fetch(`${url}${at}`, { headers: { authorization } });
    const taken = await ask(`Bearer ${good}`);
    const whose = taken.status === 204 ? taken.headers.get('x-auth-subject') : await taken.json();
    const { sub } = decodeJwt(good);
    expect(whose).toEqual(taken.status === 204 ? sub : { subject: sub, client: sub });
    for (const [token, status, error] of [
      [narrow, 403, 'insufficient_scope'],
      [foreign, 401, 'invalid_token'],
      [forged, 401, 'invalid_token'],
      ['a.b.c', 401, 'invalid_token'],
      ['', 401, 'invalid_token'],
    ] as const) {
      const reply = await ask(`Bearer ${token}`);
      expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
        status,
        `Bearer error="${error}"`,
      ]);
    }
  });
});
