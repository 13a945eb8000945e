import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { type Letters, readLetters } from '../account/support/mail.ts';
import { launchBrowser } from '../support/browser.ts';
import { listenUntilEnd } from '../support/listen.ts';
import { atOnce, signIn, userinfo } from './support/flow.ts';
import { approveLogin, askForLogin, CIBA, openLoginRequests, POLL, pollLogin } from './support/ciba.ts';
import { allRecords } from './support/stored-records.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import type { Page } from './support/user-agent.ts';

const TLS = path.resolve(import.meta.dirname, '../support/tls');
const CERTIFICATE = path.join(TLS, 'certificate.pem');

const text = ({ html }: Page) => html.replace(/<[^>]*>/g, '').replace(/\s+/g, ' ');

describe.each(STORES)('a backchannel authentication request on %s', (stores) => {
  let provider: Provider;
  let letters: Letters;
  let client: Client;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider({ stores });
    letters = readLetters(provider.postern);
    [client, person] = await Promise.all([provider.createClient(POLL), provider.createPerson()]);
  });

  it('is mailed to the person, approved on the account page, and issues tokens of that login', async () => {
    const { status, body } = await askForLogin(provider, client, {
      login_hint: person.email,
      binding_message: 'Transfer 4711',
      scope: 'openid email',
    });
    expect([status, body]).toEqual([200, { auth_req_id: expect.any(String), expires_in: 600, interval: 5 }]);
    const error = async () => (await pollLogin(provider, client, body.auth_req_id)).body;
    expect(await error()).toMatchObject({ error: 'authorization_pending' });
    expect(await error()).toMatchObject({ error: 'slow_down' });

    const letter = await letters.next(person.email);
    expect(letter.subject).toBe('An app asks you to approve a sign-in');
    expect(letter.text).toContain('Transfer 4711');
    expect(letter.text).toContain(`${provider.url}/account/requests`);

    const { agent, page } = await openLoginRequests(provider, person);
    expect(page.url.pathname).toBe('/account/requests');
    expect(text(page)).toContain('Test client');
    expect(text(page)).toContain('Transfer 4711');
    expect(text(await agent.open('/account'))).toContain('Waiting for you: 1');
    const done = await agent.submit(page, {}, '/approve');
    expect([done.status, text(done).includes('You approved it')]).toEqual([200, true]);
    expect(text(done)).toContain('Nothing is waiting for you');
    const again = await agent.submit(page, {}, '/approve');
    expect([again.status, text(again).includes('This request has expired or was already answered')]).toEqual([
      400,
      true,
    ]);

    const tokens = await pollLogin(provider, client, body.auth_req_id);
    expect([tokens.status, tokens.body]).toEqual([200, expect.objectContaining({ token_type: 'Bearer' })]);
    expect(decodeJwt(tokens.body.id_token)).toMatchObject({
      sub: person.id,
      aud: client.id,
      amr: ['pwd'],
      acr: 'urn:postern:acr:1fa',
      auth_time: expect.any(Number),
    });
    expect((await userinfo(provider, tokens.body.access_token)).body).toMatchObject({ email: person.email });
    expect(await error()).toMatchObject({ error: 'invalid_grant' });
    await provider.audited('login.requested', person.id);
    await provider.audited('login_request.approved', person.id);
    const activity = text(await agent.open('/account/activity'));
    expect(activity).toContain('An app asked you to approve a sign-in');
    expect(activity).toContain('You approved the sign-in of an app');
  });

  it('is approved by a sign-in made for it, and not by another sign-in meanwhile', async () => {
    const [someone, other] = await Promise.all([provider.createPerson(), provider.createPerson()]);
    const ageLogin = () =>
      provider.sql(
        `update oidc_records set payload = jsonb_set(payload::jsonb, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 700))::json
         where model = 'Session' and account_id = $1`,
        [someone.id],
      );
    const { body } = await askForLogin(provider, client, { login_hint: someone.email });
    const { agent, page } = await openLoginRequests(provider, someone);
    await ageLogin();
    const signIn = await agent.submit(page, {}, '/approve');
    expect(signIn.url.pathname).toBe('/sign-in');
    // The page says what continues after the sign-in.
    expect(text(signIn)).toContain('Then you continue with: Approve Test client');
    const intruding = await agent.submit(
      signIn,
      { identifier: other.email, password: other.password },
      '/sign-in',
    );
    expect(intruding.url.pathname).toBe('/account');

    const { agent: own, page: waiting } = await openLoginRequests(provider, someone);
    await ageLogin();
    const values = { identifier: someone.email, password: someone.password };
    const back = await own.submit(await own.submit(waiting, {}, '/approve'), values, '/sign-in');
    const done = await own.submit(back, {}, '/approve');
    expect(text(done)).toContain('You approved it');
    expect((await pollLogin(provider, client, body.auth_req_id)).status).toBe(200);
  });

  it('can be denied by the person', async () => {
    const someone = await provider.createPerson();
    const { body } = await askForLogin(provider, client, { login_hint: someone.username });
    const { agent, page } = await openLoginRequests(provider, someone);
    const id = /action="\/account\/requests\/([\w-]+)\/approve"/.exec(page.html)?.[1] ?? '';
    const deny = page.html.replaceAll(`${id}/approve`, `${id}/deny`);
    const done = await agent.submit({ ...page, html: deny }, {}, '/deny');
    expect(text(done)).toContain('You refused it');
    expect((await pollLogin(provider, client, body.auth_req_id)).body).toMatchObject({
      error: 'access_denied',
    });
    await provider.audited('login_request.denied', someone.id);
  });

  it('is answered once of several parallel answers', async () => {
    const someone = await provider.createPerson();
    const { body } = await askForLogin(provider, client, { login_hint: someone.email });
    const { agent, page } = await openLoginRequests(provider, someone);
    const pages = await atOnce(5, () => agent.submit(page, {}, '/approve'));
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await pollLogin(provider, client, body.auth_req_id)).status).toBe(200);
  });

  it('can be seen and answered only by its person', async () => {
    const [owner, stranger] = [await provider.createPerson(), await provider.createPerson()];
    await askForLogin(provider, client, { login_hint: owner.email });
    const mine = await openLoginRequests(provider, owner);
    const { agent, page } = await openLoginRequests(provider, stranger);
    expect(text(page)).toContain('Nothing is waiting for you');
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
    const form = mine.page.html.replaceAll(/name="csrf" value="[^"]+"/g, `name="csrf" value="${csrf}"`);
    for (const answer of ['/approve', '/deny']) {
      const html = form.replaceAll('/approve"', `${answer}"`);
      const stolen = await agent.submit({ ...page, html }, {}, answer);
      expect([
        stolen.status,
        text(stolen).includes('This request has expired or was already answered'),
      ]).toEqual([400, true]);
    }
    expect((await mine.agent.submit(mine.page, {}, '/approve')).status).toBe(200);
  });

  it('stores no auth_req_id in clear', async () => {
    const { body } = await askForLogin(provider, client, { login_hint: person.email });
    const rows = await provider.sql(`select *, encode(auth_req_id, 'escape') as text from login_requests`);
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows) + (await allRecords(provider))).not.toContain(body.auth_req_id);
  });

  it('expires', async () => {
    const { body } = await askForLogin(provider, client, {
      login_hint: person.email,
      requested_expiry: '120',
    });
    expect(body.expires_in).toBe(120);
    const long = await askForLogin(provider, client, { login_hint: person.email, requested_expiry: '86400' });
    expect(long.body.expires_in).toBe(600);
  });

  it('belongs to one client', async () => {
    const { body } = await askForLogin(provider, client, { login_hint: person.email });
    const another = await provider.createClient(POLL);
    expect((await pollLogin(provider, another, body.auth_req_id)).body).toMatchObject({
      error: 'invalid_grant',
    });
  });
});

describe('a backchannel authentication request', () => {
  let provider: Provider;
  let person: Person;
  let client: Client;
  beforeAll(async () => {
    provider = await startProvider({
      settings: { outbound: { allow: ['127.0.0.1'] } },
      env: { NODE_EXTRA_CA_CERTS: CERTIFICATE },
    });
    [client, person] = await Promise.all([provider.createClient(POLL), provider.createPerson()]);
  });

  it('can name the person by an ID token of the client', async () => {
    const web = await provider.createClient({
      ...POLL,
      grant_types: ['authorization_code', CIBA],
      response_types: ['code'],
      redirect_uris: ['https://app.example.test/callback'],
    });
    const { id_token: hint } = await signIn(provider, web, person);
    expect((await askForLogin(provider, web, { id_token_hint: hint })).status).toBe(200);
    expect((await askForLogin(provider, web, { id_token_hint: `${hint}x` })).body).toMatchObject({
      error: 'invalid_request',
    });
  });

  it('cannot be approved by a weaker login than requested', async () => {
    const someone = await provider.createPerson();
    const { body } = await askForLogin(provider, client, {
      login_hint: someone.email,
      acr_values: 'urn:postern:acr:2fa',
    });
    const page = await approveLogin(provider, someone);
    expect([page.status, text(page).includes('needs a stronger sign-in')]).toEqual([403, true]);
    expect((await pollLogin(provider, client, body.auth_req_id)).body).toMatchObject({
      error: 'authorization_pending',
    });
  });

  /** A client in ping mode that answers each ping with the next of `statuses`, then with the last one. */
  async function pingable(...statuses: number[]) {
    const heard: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer(
      { cert: readFileSync(CERTIFICATE), key: readFileSync(path.join(TLS, 'key.pem')) },
      (request, reply) => {
        void (async () => {
          let body = '';
          for await (const chunk of request) body += String(chunk);
          const status = statuses[Math.min(heard.length, statuses.length - 1)] ?? 204;
          heard.push({ headers: request.headers, body });
          reply.writeHead(status, { location: '/elsewhere' }).end();
        })();
      },
    );
    await listenUntilEnd(server, 0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const pinged = await provider.createClient({
      ...POLL,
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: `https://127.0.0.1:${port}/ping`,
    });
    return { heard, pinged };
  }

  it('pings the client, and again after a failure', async () => {
    const { heard, pinged } = await pingable(503, 204);
    const someone = await provider.createPerson();
    const missing = await askForLogin(provider, pinged, { login_hint: someone.email });
    expect(missing.body).toMatchObject({ error: 'invalid_request' });
    const { body } = await askForLogin(provider, pinged, {
      login_hint: someone.email,
      client_notification_token: 'a-token-of-the-client',
    });
    await approveLogin(provider, someone);
    while (heard.length < 2) await sleep(20);
    for (const { headers, body: sent } of heard) {
      expect(headers).toMatchObject({
        'authorization': 'Bearer a-token-of-the-client',
        'content-type': 'application/json',
      });
      expect(JSON.parse(sent)).toEqual({ auth_req_id: body.auth_req_id });
    }
    expect((await pollLogin(provider, pinged, body.auth_req_id)).status).toBe(200);
  });

  it.each([301, 401, 403, 404])('pings a client once that answers %i', async (status) => {
    const { heard, pinged } = await pingable(status);
    const someone = await provider.createPerson();
    const { body } = await askForLogin(provider, pinged, {
      login_hint: someone.email,
      client_notification_token: 'a-token-of-the-client',
    });
    await approveLogin(provider, someone);
    const waiting = () =>
      provider.sql('select id from outbox where kind = $1 and content is not null', ['ping']);
    while ((await waiting()).length > 0) await sleep(20);
    expect(heard).toHaveLength(1);
    expect((await pollLogin(provider, pinged, body.auth_req_id)).status).toBe(200);
  });

  it('works with openid-client, and a person who approves in a browser', async () => {
    const config = await openid.discovery(
      new URL(provider.url),
      client.id,
      undefined,
      openid.ClientSecretBasic(client.secret),
      { execute: [openid.allowInsecureRequests] },
    );
    const someone = await provider.createPerson();
    const begun = await openid.initiateBackchannelAuthentication(config, {
      scope: 'openid email',
      login_hint: someone.email,
      binding_message: 'W4SCT',
    });
    const tokens = openid.pollBackchannelAuthenticationGrant(config, begun);
    const browser = await launchBrowser();
    const page = await (await browser.newContext({ locale: 'en-US' })).newPage();
    await page.goto(`${provider.url}/account/requests`);
    await page.getByLabel('Email or username').fill(someone.email);
    await page.getByLabel('Password', { exact: true }).fill(someone.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('W4SCT').waitFor();
    await page.getByRole('button', { name: 'Approve Test client' }).click();
    await page.getByText('You approved it').waitFor();
    expect((await tokens).claims()?.sub).toBe(someone.id);
  });
});
