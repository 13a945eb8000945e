import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as oidc from 'openid-client';
import type { Browser } from 'playwright-core';
import { attempt, relyingParty } from '../oidc/support/relying-party.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { launchBrowser } from '../support/browser.ts';
import { atEnd } from '../support/cleanup.ts';
import { freePort } from '../support/ports.ts';

describe('an app that has its answer posted (Form Post Response Mode), in Chromium', () => {
  let provider: Provider;
  let person: Person;
  let client: Client;
  let config: oidc.Configuration;
  let browser: Browser;
  /** Fulfilled with the request that the app's redirect URI gets. */
  let arrival: PromiseWithResolvers<Request>;

  beforeAll(async () => {
    provider = await startProvider();
    person = await provider.createPerson();
    const port = await freePort();
    const app = createServer(async (req, res) => {
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
    client = await provider.createClient({ redirect_uris: [`http://127.0.0.1:${port}/callback`] });
    config = await relyingParty(provider, client);
    browser = await launchBrowser();
  });

  it.each([
    ['form_post', true],
    ['form_post', false],
    ['form_post.jwt', true],
  ])('signs in by %s (JavaScript: %s)', async (mode, javaScriptEnabled) => {
    arrival = Promise.withResolvers();
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    const { parameters, checks } = await attempt(client, { response_mode: mode });
    await page.goto(oidc.buildAuthorizationUrl(config, parameters).href);
    // What it asks for by itself is `jwt`.
    if (mode.endsWith('.jwt')) oidc.useJwtResponseMode(config);
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    // Consent is remembered after the first time.
    if (javaScriptEnabled && mode === 'form_post')
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
    if (!javaScriptEnabled) await page.getByRole('button', { name: 'Go to Test client' }).click();
    const tokens = await oidc.authorizationCodeGrant(config, await arrival.promise, checks);
    expect(tokens.claims()).toMatchObject({ sub: person.id });
    await page.waitForURL(client.redirectUri);
    expect(complaints.filter((complaint) => /Content.Security.Policy/i.test(complaint))).toEqual([]);
    await context.close();
  });
});
