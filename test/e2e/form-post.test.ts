import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as oidc from 'openid-client';
import type { Browser, Page } from 'playwright-core';
import { readLetters } from '../account/support/mail.ts';
import { attempt, relyingParty } from '../oidc/support/relying-party.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { launchBrowser } from '../support/browser.ts';
import { atEnd } from '../support/cleanup.ts';
import { freePort } from '../support/ports.ts';
import { newPerson, openLink } from './support/person.ts';

describe('an app that uses Form Post Response Mode, in Chromium,', () => {
  let provider: Provider;
  let person: Person;
  let client: Client;
  let config: oidc.Configuration;
  let browser: Browser;
  /** Where the app's callback redirects, if anywhere. Also a page of another origin than the callback's. */
  let onward: string | undefined;
  let elsewhere: string;
  /** Resolves with the request to the app's redirect URI. */
  let arrival: PromiseWithResolvers<Request>;

  beforeAll(async () => {
    provider = await startProvider({ settings: { registration: { verifyEmail: true } } });
    person = await provider.createPerson();
    const port = await freePort();
    const app = createServer(async (req, res) => {
      if (req.url?.startsWith('/callback') && onward !== undefined) {
        res.writeHead(303, { location: onward }).end();
        return;
      }
      res.end('<title>At the app</title>');
      if (req.method !== 'POST') return;
      const headers = { 'content-type': req.headers['content-type'] ?? '' };
      const url = new URL(req.url ?? '/', client.redirectUri);
      arrival.resolve(new Request(url, { method: 'POST', headers, body: await text(req) }));
    });
    app.listen(port);
    await once(app, 'listening');
    atEnd(async () => {
      app.closeAllConnections();
      app.close();
    });
    elsewhere = `http://localhost:${port}/elsewhere`;
    client = await provider.createClient({
      redirect_uris: [`http://127.0.0.1:${port}/callback`],
      post_logout_redirect_uris: [`http://127.0.0.1:${port}/callback`],
    });
    config = await relyingParty(provider, client);
    browser = await launchBrowser();
  });

  it.each([
    ['form_post', true],
    ['form_post', false],
    ['form_post.jwt', true],
  ])('gets a reply by %s (JavaScript: %s)', async (mode, javaScriptEnabled) => {
    arrival = Promise.withResolvers();
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    const { parameters, checks } = await attempt(client, { response_mode: mode });
    await page.goto(oidc.buildAuthorizationUrl(config, parameters).href);
    // The library itself requests `jwt`.
    if (mode.endsWith('.jwt')) oidc.useJwtResponseMode(config);
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    // After the first time consent is remembered.
    if (javaScriptEnabled && mode === 'form_post')
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
    if (!javaScriptEnabled) await page.getByRole('button', { name: 'Go to Test client' }).click();
    const tokens = await oidc.authorizationCodeGrant(config, await arrival.promise, checks);
    expect(tokens.claims()).toMatchObject({ sub: person.id });
    await page.waitForURL(client.redirectUri);
    expect(complaints.filter((complaint) => /Content.Security.Policy/i.test(complaint))).toEqual([]);
    await context.close();
  });

  describe.each([
    ['another origin', () => elsewhere],
    ['a native program', () => 'cursor://done'],
  ])('and redirects to %s', (_, target) => {
    let page: Page;
    let complaints: string[];
    beforeEach(async () => {
      onward = target();
      complaints = [];
      page = await (await browser.newContext()).newPage();
      page.on('console', (message) => complaints.push(message.text()));
    });
    afterEach(async () => {
      onward = undefined;
      await page.context().close();
    });

    const open = async (parameters: Record<string, string> = {}): Promise<void> => {
      const { parameters: all } = await attempt(client, parameters);
      await page.goto(oidc.buildAuthorizationUrl(config, all).href);
    };
    /** This browser has no program for the scheme, so the test sees only that it asks for one. */
    const press = async (name: string): Promise<void> => {
      const asked = page.waitForRequest((request) => request.url() === onward);
      await page.getByRole('button', { name, exact: true }).click({ noWaitAfter: true });
      await asked;
      if (onward === elsewhere) await page.waitForURL(elsewhere);
      expect(complaints.filter((complaint) => /Content.Security.Policy/i.test(complaint))).toEqual([]);
    };
    const fillIn = async (): Promise<void> => {
      await page.getByLabel('Email or username').fill(person.email);
      await page.getByLabel('Password', { exact: true }).fill(person.password);
    };
    const signedIn = async (parameters: Record<string, string>): Promise<void> => {
      await open(parameters);
      await fillIn();
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    };

    it.each(['query', 'form_post'])('works after the sign-in, by %s', async (mode) => {
      await open({ response_mode: mode });
      await fillIn();
      await press('Sign in');
    });

    it.each(['Allow', 'Don’t allow'])('works after consent: %s', async (answer) => {
      await signedIn({ prompt: 'consent' });
      await press(answer);
    });

    it('works without a sign-in', async () => {
      await open();
      await press('Cancel and go back to Test client');
    });

    it('works after the sign-out', async () => {
      await page.goto(`${provider.url}/sign-in`);
      await fillIn();
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(`${provider.url}/account`);
      const request = new URLSearchParams({
        client_id: client.id,
        post_logout_redirect_uri: client.redirectUri,
      });
      await page.goto(`${provider.url}/oauth2/logout?${request.toString()}`);
      await press('Sign out');
    });

    it('works after a form that was opened from a mailed link', async () => {
      const first = await provider.createClient({ first_party: true, redirect_uris: [client.redirectUri] });
      const letters = readLetters(provider.postern);
      const { parameters } = await attempt(first, { prompt: 'create' });
      const asking = await relyingParty(provider, first);
      await page.goto(oidc.buildAuthorizationUrl(asking, parameters).href);
      const fresh = newPerson();
      await openLink(page, letters, fresh);
      await page.getByLabel('Username').fill(fresh.username);
      await page.getByLabel('Password', { exact: true }).fill(fresh.password);
      await press('Create account');
    });
  });
});
