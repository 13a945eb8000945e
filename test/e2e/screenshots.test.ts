/**
 * Screenshots of the pages, in a folder that is deleted after the run. `SCREENSHOTS=docs/images` keeps those
 * that the
 * README shows there.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { temporaryFolder } from '../support/cleanup.ts';
import { execute } from '../support/postgres-server.ts';
import { allow, fillIn, newPerson, openLink, type Person, shows, signIn } from './support/person.ts';
import { setStage, type Stage } from './support/stage.ts';

const DESKTOP = { viewport: { width: 1280, height: 860 }, deviceScaleFactor: 1 };
const DARK = { ...DESKTOP, colorScheme: 'dark' as const };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

let stage: Stage;
let folder: string;
/** The screenshots that the README shows. */
const BEST = new Set([
  'sign-in',
  'sign-in-dark',
  'sign-in-phone',
  'create-account',
  'consent',
  'console',
  'console-phone-dark',
]);
const kept = process.env['SCREENSHOTS'];
const person: Person = { ...newPerson(), username: 'ada', email: 'ada@example.com' };
/** Errors in the browser's console: a blocked style, a failed script. */
const complaints: string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  // Screenshots to keep show the ports of `npm run demo`.
  const ports = kept === undefined ? undefined : { webApp: 9001, spa: 9002, service: 9003 };
  stage = await setStage('PostgreSQL and Redis', {}, ports);
  if (kept !== undefined) await mkdir(kept, { recursive: true });
});

afterAll(() => {
  expect(complaints).toEqual([]);
});

async function open(options: BrowserContextOptions): Promise<Page> {
  const { page } = await stage.visitor(options);
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  return page;
}

async function picture(page: Page, name: string, fullPage = true): Promise<void> {
  await page.mouse.move(0, 0);
  const overflows = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth');
  expect(overflows).toBe(false);
  const to = kept !== undefined && BEST.has(name) ? kept : folder;
  await page.screenshot({ path: path.join(to, `${name}.png`), fullPage });
}

it('screenshots of creating an account and consenting, in the light theme', async () => {
  const page = await open(DESKTOP);
  await page.goto(stage.postern.url);
  await picture(page, 'home');
  await page.goto(`${stage.webApp}/login`);
  await shows(page, 'Sign in');
  await picture(page, 'sign-in');
  await page.getByRole('link', { name: 'Create account' }).click();
  await shows(page, 'Create your account');
  await openLink(page, stage.letters, person);
  await shows(page, /^Create your/);
  await picture(page, 'create-account');
  await fillIn(page, person);
  await shows(page, /^Ledger wants to use/);
  await picture(page, 'consent');
  await allow(page);
  await page.waitForURL(`${stage.webApp}/`);
  await picture(page, 'demo-web-app');
  await page.goto(stage.postern.url);
  await picture(page, 'signed-in');
  await page.goto(`${stage.postern.url}/oauth2/logout`);
  await picture(page, 'sign-out');
});

it('screenshots of signing in, in the dark theme', async () => {
  const page = await open(DARK);
  await page.goto(`${stage.webApp}/login`);
  await shows(page, 'Sign in');
  await picture(page, 'sign-in-dark');
  await signIn(page, person);
  await page.goto(stage.spa);
  await page.getByRole('button', { name: 'Sign in with Postern' }).click();
  await shows(page, /^Atlas wants to use/);
  await picture(page, 'consent-dark');
  await allow(page);
  await shows(page, `Hello, ${person.name}`);
  await picture(page, 'demo-spa-dark');
});

it('screenshots of signing in on a phone, in another language', async () => {
  const page = await open({ ...PHONE, locale: 'de-DE' });
  await page.goto(`${stage.webApp}/login?login_hint=${person.email}`);
  await shows(page, 'Anmelden');
  await picture(page, 'sign-in-phone');
  const english = await open(PHONE);
  await english.goto(stage.spa);
  await english.getByRole('button', { name: 'Sign in with Postern' }).click();
  await signIn(english, person);
  await shows(english, /^(Atlas wants to use|Hello)/);
  await picture(english, 'consent-phone');
});

/** Statistics like those of a service in use. */
const STATS = `
  insert into daily_stats (day, metric, count)
  select current_date - d, metric, round(base * (0.75 + 0.5 * abs(sin(d * 0.7 + base))) * case when d % 7 in (2, 3) then 0.6 else 1 end)
  from generate_series(0, 40) d,
    (values ('sign_ins', 4000), ('failures', 90), ('sign_ups', 30), ('active', 2200), ('tokens', 9000)) as m(metric, base)
  on conflict (day, metric) do update set count = excluded.count`;

it('screenshots of operating the service', async () => {
  const { env, url } = stage.postern;
  await execute(env['DATABASE_URL'] ?? '', STATS);
  await execute(
    env['DATABASE_URL'] ?? '',
    `update users set roles = '{user,owner}' where email = '${person.email}'`,
  );
  const page = await open({ viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 });
  await page.goto(`${url}/admin`);
  await signIn(page, person);
  await shows(page, 'Overview');
  await picture(page, 'console-first-minutes');
  await page.getByRole('button', { name: 'Hide this list' }).click();
  await page.getByText('The list is hidden.').waitFor();
  await page.goto(`${url}/admin`);
  await picture(page, 'console', false);
  for (const section of ['health', 'settings', 'audit', 'keys', 'clients', 'contracts']) {
    await page.goto(`${url}/admin/${section}`);
    await picture(page, `console-${section}`);
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${url}/admin`);
  await picture(page, 'console-phone-dark', false);
});

it('screenshots of errors', async () => {
  const page = await open(DESKTOP);
  await page.goto(`${stage.webApp}/login`);
  await signIn(page, { ...person, password: 'not the password' });
  await page.getByRole('alert').waitFor();
  await picture(page, 'sign-in-problem');
  await page.goto(`${stage.postern.url}/oauth2/authorize?client_id=nobody`);
  await picture(page, 'error');
  await page.goto(`${stage.postern.url}/interaction/nobody`);
  await picture(page, 'expired');
  await page.goto(stage.service);
  await picture(page, 'demo-service');
  // The console reports error statuses too.
  const unexpected = complaints.filter((text) => !/the server responded with a status of 4/.test(text));
  complaints.splice(0, complaints.length, ...unexpected);
});
