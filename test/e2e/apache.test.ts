import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { readLetters } from '../account/support/mail.ts';
import { userinfo } from '../oidc/support/flow.ts';
import { until } from '../support/until.ts';
import { launchBrowser } from '../support/browser.ts';
import { freePort } from '../support/ports.ts';
import { runCli, type Postern, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { redisUrl } from '../support/redis.ts';
import { startApache, type VisitorHeaders } from './support/apache.ts';
import { allow, createAccount, newPerson, shows, signIn } from './support/person.ts';

describe('Apache with mod_auth_openidc', () => {
  const person = newPerson();
  let postern: Postern;
  let apache: string;
  let page: Page;
  beforeAll(async () => {
    const [{ url: databaseUrl }, redis, port, browser] = await Promise.all([
      createDatabase(),
      redisUrl(),
      freePort(),
      launchBrowser(),
    ]);
    const origin = `http://localhost:${port}`;
    postern = await startPostern({
      databaseUrl,
      redisUrl: redis,
      settings: { registration: { verifyEmail: true }, keys: { lead: 1 } },
    });
    const { stdout } = await runCli(
      [
        ['client', 'create', '--json', '--name', 'Intranet'],
        ['--grant', 'authorization_code', '--grant', 'refresh_token'],
        ['--redirect-uri', `${origin}/private/callback`],
        ['--post-logout-redirect-uri', `${origin}/goodbye`],
      ].flat(),
      { env: postern.env },
    );
    const created = JSON.parse(stdout) as { client_id: string; client_secret: string };
    const client = { id: created.client_id, secret: created.client_secret };
    apache = await startApache({ issuer: postern.url, port, client });
    const context = await browser.newContext({ locale: 'en-US' });
    context.setDefaultTimeout(20_000);
    page = await context.newPage();
  });

  /** The headers by which the application knows the visitor. */
  const headersSeen = async (): Promise<VisitorHeaders> => {
    await page.waitForURL((url) => url.href.startsWith(`${apache}/private/`));
    return JSON.parse(await page.locator('pre').innerText()) as VisitorHeaders;
  };

  it('requires a sign-in and tells the application behind it who signed in', async () => {
    await page.goto(`${apache}/private/reports?year=2026`);
    await page.getByRole('link', { name: 'Create account' }).click();
    await createAccount(page, readLetters(postern), person);
    await shows(page, /^Intranet wants to use/);
    await allow(page);
    const headers = await headersSeen();
    expect(page.url()).toBe(`${apache}/private/reports?year=2026`);
    expect(headers).toMatchObject({
      'x-remote-user': person.username,
      'oidc_claim_iss': postern.url,
      'oidc_claim_name': person.name,
      'oidc_claim_email': person.email,
      'oidc_claim_email_verified': '1',
    });
  });

  it('refreshes its tokens and continues with the rotated refresh token', async () => {
    const hook = async ({ oidc_access_token: token = '' }: VisitorHeaders) => {
      const query = new URLSearchParams({ refresh: `${apache}/private/`, access_token: token });
      await page.goto(`${apache}/private/callback?${query.toString()}`);
      return headersSeen();
    };
    const first = await headersSeen();
    const second = await hook(first);
    const third = await hook(second);
    const seen = [first, second, third];
    for (const name of ['oidc_access_token', 'oidc_refresh_token'])
      expect(new Set(seen.map((headers) => headers[name])).size).toBe(3);
    expect(third['x-remote-user']).toBe(person.username);
    const { status, body } = await userinfo(postern, third['oidc_access_token'] ?? '');
    expect({ status, body }).toMatchObject({ status: 200, body: { email: person.email } });
  });

  it('signs out there and at Postern, and returns to the registered page', async () => {
    const { oidc_access_token: token = '' } = await headersSeen();
    await page.goto(`${apache}/private/callback?logout=${encodeURIComponent(`${apache}/goodbye`)}`);
    await page.waitForURL(`${apache}/goodbye`);
    expect(await userinfo(postern, token)).toMatchObject({ status: 401 });

    await page.goto(`${apache}/private/`);
    await shows(page, 'Sign in');
    await signIn(page, person);
    expect((await headersSeen())['x-remote-user']).toBe(person.username);
  });

  it('accepts a signing key that was created later', async () => {
    const keys = async (command: string) =>
      (await runCli(['key', command, '--json'], { env: postern.env })).stdout;
    await keys('rotate');
    await until(async () => (await keys('list')).includes('retiring'));
    await page.context().clearCookies({ name: 'mod_auth_openidc_session' });
    await page.goto(`${apache}/private/`);
    expect((await headersSeen())['x-remote-user']).toBe(person.username);
  });
});
