import { beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { allow, newPerson, shows, signIn } from '../e2e/support/person.ts';
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

/** Registers a client as its page in docs/connecting says, on another port. */
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

/** How an example differs from one that has a link to sign in, and ends its own session alone on the way out. */
interface Way {
  /** What it shows before it sends people on. */
  before?: (page: Page) => Promise<void>;
  /** What it asks before it signs out. */
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

    // Some forget the person before they send the browser on: their page alone does not tell that Postern has answered.
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
