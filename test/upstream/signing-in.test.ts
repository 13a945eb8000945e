import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import { decodeJwt } from 'jose';
import { generate } from 'otplib';
import { systemActor } from '../../src/core/actor.ts';
import { connect } from '../api/support/client.ts';
import { type Letters, readLetters } from '../account/support/mail.ts';
import { authorizationUrl, exchange } from '../oidc/support/flow.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { launchBrowser } from '../support/browser.ts';
import { freePort } from '../support/ports.ts';
import {
  signInAtProvider,
  isSignedIn,
  redirectOf,
  SECRET,
  secretFile,
  signInBy,
  STANDALONE,
  upstreamsAt,
} from './support/sign-in.ts';
import { type OtherProvider, startOtherProvider } from './support/other-provider.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The upstream provider. */
let up: Provider;
/** The server with the accounts. */
let down: Provider;
let other: OtherProvider;
let letters: Letters;
beforeAll(async () => {
  const [upPort, downPort] = [String(await freePort()), String(await freePort())];
  // Cookies belong to a host, not to a port: two servers on one machine need two hosts.
  up = await startProvider({ env: { PORT: upPort, PUBLIC_URL: `http://127.0.0.1:${upPort}` } });
  other = await startOtherProvider();
  const client = await up.createClient({
    redirect_uris: [`http://localhost:${downPort}/upstream/acme/callback`],
    first_party: true,
  });
  const acme = {
    id: 'acme',
    name: 'Acme',
    issuer: up.url,
    clientId: client.id,
    clientSecretFile: await secretFile(client.secret),
    trustEmail: true,
  };
  down = await startProvider({
    env: { PORT: downPort, ...SECRET },
    settings: {
      outbound: { allow: ['localhost', '127.0.0.1'] },
      registration: { verifyEmail: true },
      upstreams: [acme, ...upstreamsAt(other)],
    },
  });
  letters = readLetters(down.postern);
});
beforeEach(() => other.reset());

const newAgent = () => new UserAgent(down.url);

async function signInHere(agent: UserAgent, { email, password }: Person, next = '/account/identities') {
  const page = await agent.open(`/sign-in?next=${next}`);
  return agent.submit(page, { identifier: email, password }, '/sign-in');
}
const identitiesOf = ({ id }: Person) =>
  down.sql('select subject from upstream_identities where account_id = $1', [id]);
/** Follows `start` to connect the upstream account with the account that is signed in. */
async function link(agent: UserAgent, id: string, person?: Person): Promise<Page> {
  const page = await signInBy(agent, `/account/identities/link?with=${id}`, person);
  return agent.submit(page, {}, '/account/identities/link');
}

describe('a sign-in through another Postern', () => {
  it('in a browser creates the account, and later opens it', async () => {
    const browser = await launchBrowser();
    const context = await browser.newContext({ locale: 'en-US' });
    const page = await context.newPage();
    const person = await up.createPerson();
    const site = await down.createClient({ redirect_uris: [`${other.url}/app`], first_party: true });
    const enter = async () => {
      await page.goto(authorizationUrl(down, site, { prompt: 'login' }));
      await page.getByRole('link', { name: 'Sign in with Acme' }).click();
    };
    await enter();
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${other.url}/app?**`);
    const code = new URL(page.url()).searchParams.get('code') ?? '';
    const { body } = await exchange(down, site, code);
    const claims = decodeJwt(body.id_token);
    expect(claims).toMatchObject({ amr: ['fed'], acr: 'urn:postern:acr:1fa' });
    expect(claims.sub).not.toBe(person.id);
    const [account] = await down.sql('select * from users where id = $1', [claims.sub]);
    expect(account).toMatchObject({ email: person.email, name: 'Ada Lovelace', password_hash: null });
    expect(account?.['email_verified_at']).toBeInstanceOf(Date);

    await enter();
    // The upstream asks for the password again too.
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${other.url}/app?**`);
    const again = await exchange(down, site, new URL(page.url()).searchParams.get('code') ?? '');
    expect(decodeJwt(again.body.id_token).sub).toBe(claims.sub);
    const reader = await browser.newContext({ bypassCSP: true, storageState: await context.storageState() });
    const tab = await reader.newPage();
    for (const address of ['/account/identities', '/sign-in']) {
      await tab.goto(`${down.url}${address}`);
      await tab.addScriptTag({ content: axe });
      const { violations } = await tab.evaluate<AxeResults>('axe.run()');
      expect(violations).toEqual([]);
    }
    await reader.close();
    await context.close();
  });

  it('is refused to a suspended account', async () => {
    const person = await up.createPerson();
    const agent = newAgent();
    await signInBy(agent, `${STANDALONE}acme`, person);
    expect(await isSignedIn(agent)).toBe(true);
    const account = await down.operator.accounts.findByEmail(person.email);
    await down.operator.accounts.suspend(account?.id ?? '', systemActor);
    const next = newAgent();
    const page = await signInBy(next, `${STANDALONE}acme`, person);
    expect(page.status).toBe(403);
    expect(page.html).toContain('suspended');
    expect(await isSignedIn(next)).toBe(false);
  });

  it('asks for the account’s second factor', async () => {
    const person = await up.createPerson();
    await signInBy(newAgent(), `${STANDALONE}acme`, person);
    const account = await down.operator.accounts.findByEmail(person.email);
    const { totp } = down.operator.mfa;
    const { id, secret } = await totp.begin(account?.id ?? '', 'Phone');
    await totp.confirm(account?.id ?? '', id, await generate({ secret }), systemActor);
    const agent = newAgent();
    const page = await signInBy(agent, `${STANDALONE}acme`, person);
    expect(page.url.pathname).toBe('/sign-in/verify');
    expect(await isSignedIn(agent)).toBe(false);
    const next = await generate({ secret, epoch: Math.floor(Date.now() / 1000) + 30 });
    await agent.submit(page, { code: next, trust: 'yes' }, '/sign-in/verify');
    expect(await isSignedIn(agent)).toBe(true);
    const [event] = await down.sql(
      "select details from audit_events where type = 'login' and subject = $1 order by at desc limit 1",
      [account?.id],
    );
    expect(event).toMatchObject({ details: { amr: ['fed', 'otp', 'mfa'] } });
    // Who signs in again needs it again, unlike in a remembered browser without a sign-in.
    const again = await signInBy(agent, `${STANDALONE}acme`, person);
    expect(again.url.pathname).toBe('/sign-in/verify');
    await agent.submit(await agent.open('/'), {}, '/sign-out');
    await signInBy(agent, `${STANDALONE}acme`, person);
    expect(await isSignedIn(agent)).toBe(true);
  });

  it('takes over no account with the same address', async () => {
    const person = await up.createPerson();
    await down.operator.accounts.create(
      { email: person.email, password: 'another one, of hers' },
      systemActor,
    );
    const agent = newAgent();
    const page = await signInBy(agent, `${STANDALONE}acme`, person);
    expect(page.status).toBe(403);
    expect(page.html).toContain('has an account here');
    expect(await isSignedIn(agent)).toBe(false);
  });

  it('works once: not again with kept cookies, nor in several browsers at once', async () => {
    const person = await up.createPerson();
    const agent = newAgent();
    const back = await agent.open(await signInAtProvider(agent, `${STANDALONE}acme`, person));
    const copies = Array.from({ length: 5 }, () => agent.copy());
    const pages = await Promise.all(copies.map((copy) => copy.open(redirectOf(back))));
    expect(pages.filter(({ url }) => url.pathname === '/account')).toHaveLength(1);
    await agent.open(redirectOf(back));
    expect(await isSignedIn(agent)).toBe(false);
  });

  it('in two tabs at once signs in to both', async () => {
    const [person, agent] = [await up.createPerson(), newAgent()];
    const first = await signInAtProvider(agent, `${STANDALONE}acme`, person);
    const second = await signInAtProvider(agent, `${STANDALONE}acme`, person);
    for (const back of [second, first]) {
      const page = await agent.open(redirectOf(await agent.open(back)));
      expect(page.url.pathname).toBe('/account');
    }
  });
});
describe('a plain OAuth 2.0 service', () => {
  it('is asked for the identity, but its address is not trusted', async () => {
    other.who = { id: 41, login: 'octo', email: 'octo@example.test', email_verified: true };
    const page = await signInBy(newAgent(), `${STANDALONE}hub`);
    expect(page.status).toBe(403);
    expect(page.html).toContain('does not tell us an address that we can rely on');
    expect(other.asked.get('scope')).toBe('read:user');
    expect(await down.operator.accounts.findByEmail('octo@example.test')).toBeNull();
  });

  it('is connected by the account’s owner, opens the account, and is disconnected again', async () => {
    other.who = { id: 42, login: 'octo' };
    const person = await down.createPerson();
    const agent = newAgent();
    await signInHere(agent, person);
    const connected = await link(agent, 'hub');
    expect(connected.html).toContain('It is connected.');
    expect(connected.html).toContain('octo');
    const letter = await letters.next(person.email);
    expect(letter.subject).toContain('A way to sign in was added');
    expect(letter.text).toContain('Hub: octo');
    expect(await down.audited('identity.linked', person.id)).toMatchObject({
      details: { upstream: 'hub', subject: '42' },
    });

    const elsewhere = newAgent();
    await signInBy(elsewhere, `${STANDALONE}hub`);
    expect((await elsewhere.open('/account')).html).toContain(person.email);

    const page = await agent.open('/account/identities');
    const removed = await agent.submit(page, {}, '/remove');
    expect(removed.html).toContain('It is disconnected.');
    expect((await letters.next(person.email)).subject).toContain('removed');
    expect(await down.audited('identity.unlinked', person.id)).toBeDefined();
    expect(await signInBy(newAgent(), `${STANDALONE}hub`)).toMatchObject({ status: 403 });
  });

  it('is shown and disconnected through the API', async () => {
    other.who = { id: 45, login: 'octo' };
    const person = await down.createPerson();
    const agent = newAgent();
    await signInHere(agent, person);
    await link(agent, 'hub');
    const app = await connect(down, person, 'me:security:read me:security:write me:data:read');
    const { body } = await app.call('GET', '/me/identities');
    const [identity] = body['identities'] as { id: string }[];
    expect(identity).toMatchObject({ provider: 'hub', label: 'octo', last_used_at: null });
    const data = await app.call('GET', '/me/data');
    expect(data.body['identities']).toEqual(body['identities']);
    for (const status of [204, 404])
      expect(await app.call('DELETE', `/me/identities/${identity?.id}`)).toMatchObject({ status });
    expect(await down.audited('identity.unlinked', person.id)).toBeDefined();
    expect(await app.call('GET', '/me/identities')).toMatchObject({ body: { identities: [] } });
    expect(await app.call('DELETE', '/me/identities/none')).toMatchObject({ status: 404 });
  });

  it('is connected to one account only', async () => {
    for (const isFirst of [true, false]) {
      const agent = newAgent();
      await signInHere(agent, await down.createPerson());
      other.who = { id: isFirst ? 48 : 49, login: 'own' };
      await link(agent, 'hub');
      other.who = { id: 43, login: 'shared' };
      const page = await link(agent, 'hub');
      expect(page.status).toBe(isFirst ? 200 : 400);
      expect(page.html.includes('connected to another account')).toBe(!isFirst);
    }
  });

  it('is not connected to an account with an unconfirmed address', async () => {
    other.who = { id: 44 };
    const person = await down.createPerson();
    await down.operator.accounts.update(person.id, { emailVerified: false }, systemActor);
    const agent = newAgent();
    await signInHere(agent, person);
    const page = await link(agent, 'hub');
    expect(page.html).toContain('Confirm the email address of your account first.');
  });

  it('is not connected to an account whose owner has not proven its address', async () => {
    other.who = { id: 46 };
    const person = await down.createPerson();
    await down.sql('update users set owner_proven_at = null where id = $1', [person.id]);
    const agent = newAgent();
    await signInHere(agent, person);
    const page = await link(agent, 'hub');
    expect(page.html).toContain('Confirm the email address of your account first.');
    expect(await identitiesOf(person)).toEqual([]);
  });

  it('ends logins that are half done, when it is connected and when it is disconnected', async () => {
    other.who = { id: 53, login: 'octo' };
    const person = await down.createPerson();
    const { totp } = down.operator.mfa;
    const { id, secret } = await totp.begin(person.id, 'Phone');
    const { recoveryCodes } = await totp.confirm(person.id, id, await generate({ secret }), systemActor);
    const codes = [...(recoveryCodes ?? [])];
    /** A login that lacks the second factor. @returns what completes it. */
    const halfDone = async () => {
      const agent = newAgent();
      const { html } = await signInHere(agent, person);
      const page = await agent.open(/href="([^"]*method=recovery)"/.exec(html)?.[1] ?? '');
      return async () => {
        await agent.submit(page, { code: codes.pop() ?? '' });
        return { agent, isSignedIn: await isSignedIn(agent) };
      };
    };
    const { agent, isSignedIn: isDone } = await (await halfDone())();
    expect(isDone).toBe(true);
    const before = await halfDone();
    await link(agent, 'hub');
    expect(await before()).toMatchObject({ isSignedIn: false });
    const between = await halfDone();
    await agent.submit(await agent.open('/account/identities'), {}, '/remove');
    expect(await between()).toMatchObject({ isSignedIn: false });
    expect(await (await halfDone())()).toMatchObject({ isSignedIn: true });
  });

  it('is connected once: not again with kept cookies after it was disconnected', async () => {
    other.who = { id: 47, login: 'octo' };
    const person = await down.createPerson();
    const agent = newAgent();
    await signInHere(agent, person);
    const page = await signInBy(agent, '/account/identities/link?with=hub');
    const copy = agent.copy();
    await agent.submit(page, {}, '/account/identities/link');
    await agent.submit(await agent.open('/account/identities'), {}, '/remove');
    await copy.submit(page, {}, '/account/identities/link');
    expect(await isSignedIn(copy)).toBe(true);
    expect(await identitiesOf(person)).toEqual([]);
    expect(
      await down.sql("select from audit_events where type = 'identity.linked' and subject = $1", [person.id]),
    ).toHaveLength(1);
  });

  it('cannot be connected with an old login', async () => {
    const person = await down.createPerson();
    const agent = newAgent();
    await signInHere(agent, person);
    await down.sql(
      `update oidc_records set payload = jsonb_set(payload::jsonb, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 3600))::json
       where model = 'Session' and account_id = $1`,
      [person.id],
    );
    const page = await agent.open('/account/identities/link?with=hub');
    expect(page.leftFor).toBeNull();
    expect(page.url.pathname).toBe('/sign-in');
  });

  it('cannot be disconnected if it is the last way to sign in', async () => {
    const person = await up.createPerson();
    const agent = newAgent();
    await signInBy(agent, `${STANDALONE}acme`, person);
    const page = await agent.submit(await agent.open('/account/identities'), {}, '/remove');
    expect(page.status).toBe(400);
    expect(page.html).toContain('This is the last way to sign in to your account.');
    expect(await signInBy(newAgent(), `${STANDALONE}acme`, person)).toMatchObject({ status: 200 });

    other.who = { id: 52, login: 'octo' };
    await link(agent, 'hub');
    // The provider of the other one was removed: it opens nothing any more.
    await down.sql("update upstream_identities set upstream = 'gone' where subject = '52'");
    const again = await agent.submit(await agent.open('/account/identities'), {}, '/remove');
    expect(again.status).toBe(400);
    expect(again.html).toContain('This is the last way to sign in to your account.');
  });

  it('cannot be connected by a forged form', async () => {
    other.who = { id: 45 };
    const agent = newAgent();
    const person = await down.createPerson();
    await signInHere(agent, person);
    const page = await signInBy(agent, '/account/identities/link?with=hub');
    const forged = { ...page, html: page.html.replace(/(name="csrf" value=")[^"]*/g, '$1forged') };
    expect((await agent.submit(forged, {}, '/account/identities/link')).status).toBe(403);
    expect(await identitiesOf(person)).toEqual([]);
  });
});
