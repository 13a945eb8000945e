import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import type { Actor } from '../../src/core/actor.ts';
import { answer, authorizationUrl, exchange, introspect } from '../oidc/support/flow.ts';
import { startProvider, type Client, type Person, type Provider } from '../oidc/support/provider.ts';
import { UserAgent, type Page } from '../oidc/support/user-agent.ts';

const ACR = { one: 'urn:postern:acr:1fa', two: 'urn:postern:acr:2fa', phr: 'urn:postern:acr:phr' };

let provider: Provider;
let client: Client;
beforeAll(async () => {
  provider = await startProvider();
  client = await provider.createClient();
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const actorOf = (id: string): Actor => ({
  kind: 'user',
  id,
  door: 'test',
  ip: null,
  userAgent: null,
  requestId: null,
});
const secretOn = ({ html }: Page) => /<code>([A-Z2-7 ]+)<\/code>/.exec(html)?.[1]?.replaceAll(' ', '') ?? '';

async function addApp({ id }: Person): Promise<() => string> {
  const { mfa } = provider.operator;
  const { id: app, secret } = await mfa.totp.begin(id, 'Phone');
  await mfa.totp.confirm(id, app, generateSync({ secret }), actorOf(id));
  // The code of the next time step: the current one is used, and the server accepts one step ahead.
  return () => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) + 30 });
}

/** Exchanges the code. @returns the login as its tokens state it. */
async function tokensOf(page: Page, person: Person, agent: UserAgent) {
  const { leftFor, html } = await answer(agent, page, person);
  const code = leftFor?.searchParams.get('code');
  if (!code) throw new Error(leftFor?.href ?? html);
  const { body } = await exchange(provider, client, code);
  const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
  const { body: introspected } = await introspect(provider, client, body.access_token);
  return { claims, introspected };
}

/** A browser with a session from the password alone. */
async function signedIn(person: Person): Promise<UserAgent> {
  const agent = new UserAgent(provider.url);
  await tokensOf(await agent.open(authorizationUrl(provider, client)), person, agent);
  return agent;
}

test('acr_values_supported lists the supported values', async () => {
  const reply = await fetch(`${provider.url}/.well-known/openid-configuration`);
  expect(await reply.json()).toMatchObject({ acr_values_supported: Object.values(ACR) });
});

test.each([true, false])(
  'signing in again asks nothing irrelevant and keeps whether the session is remembered: %s',
  async (remembered) => {
    const person = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const values = { identifier: person.email, password: person.password };
    const first = await agent.open('/sign-in');
    await agent.submit(first, { ...values, ...(remembered ? { remember: 'yes' } : {}) }, '/sign-in');
    const isTransient = async () => {
      const [session] = await provider.sql(
        `select payload->>'transient' as transient from oidc_records where model = 'Session' and account_id = $1`,
        [person.id],
      );
      return session?.['transient'] === 'true';
    };
    expect(await isTransient()).toBe(!remembered);
    const HOUR = 3_600;
    const [session] = await provider.sql(
      `select extract(epoch from expires_at - now())::int as lasts from oidc_records
        where model = 'Session' and account_id = $1`,
      [person.id],
    );
    expect(Math.round(Number(session?.['lasts']) / HOUR)).toBe(remembered ? 720 : 12);
    for (const end of agent.ends('postern_session')) {
      const hours = end === undefined ? null : Math.round((end - Date.now()) / 1000 / HOUR);
      expect(hours).toBe(remembered ? 720 : null);
    }
    const offers = ({ html }: Page) =>
      ['Create account', 'Stay signed in', 'Use another account'].filter((words) => html.includes(words));
    for (const url of [
      '/sign-in?next=/account/email',
      authorizationUrl(provider, client, { prompt: 'login' }),
    ]) {
      const page = await agent.open(url);
      expect(offers(page)).toEqual(['Use another account']);
      const other = await agent.open(
        /href="([^"]*other=)"/.exec(page.html)?.[1]?.replace('&amp;', '&') ?? '',
      );
      expect(offers(other)).toEqual(['Create account', 'Stay signed in']);
      expect(other.html).not.toContain(person.email);
      await agent.submit(page, values, '/sign-in');
      expect(await isTransient()).toBe(!remembered);
    }
  },
);

test.each([
  ['at the sign-in page', () => '/sign-in?next=/account/email'],
  ['for an app', () => authorizationUrl(provider, client, { prompt: 'login' })],
])('signing in again %s creates a new session id, and the old one is invalid', async (_, url) => {
  const person = await provider.createPerson();
  const agent = await signedIn(person);
  const before = agent.copy();
  expect((await before.open('/account')).url.pathname).toBe('/account');
  const values = { identifier: person.email, password: person.password };
  await agent.submit(await agent.open(url()), values, '/sign-in');
  expect((await agent.open('/account')).url.pathname).toBe('/account');
  expect((await before.open('/account')).url.pathname).toBe('/sign-in');
});

describe.each([
  ['acr_values', { acr_values: ACR.two }],
  [
    'the claims parameter',
    { claims: JSON.stringify({ id_token: { acr: { essential: true, values: [ACR.two] } } }) },
  ],
])('two factors requested by %s', (_name, parameters) => {
  test('ask a session of one factor for the second, without the password', async () => {
    const person = await provider.createPerson();
    const agent = await signedIn(person);
    const code = await addApp(person);
    const step = await agent.open(authorizationUrl(provider, client, parameters));
    expect(heading(step)).toBe('One more step');
    const page = await agent.submit(step, { code: code() }, '/verify');
    const { claims, introspected } = await tokensOf(page, person, agent);
    expect(claims).toMatchObject({ acr: ACR.two, amr: ['pwd', 'otp', 'mfa'] });
    expect(introspected).toMatchObject({ active: true, acr: ACR.two, amr: ['pwd', 'otp', 'mfa'] });
    const again = await agent.open(authorizationUrl(provider, client, parameters));
    expect(again.leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  });

  test('end in interaction_required with prompt=none', async () => {
    const agent = await signedIn(await provider.createPerson());
    const page = await agent.open(authorizationUrl(provider, client, { ...parameters, prompt: 'none' }));
    expect(page.leftFor?.searchParams.get('error')).toBe('interaction_required');
  });
});

test('a request for less than the session has is answered at once', async () => {
  const person = await provider.createPerson();
  const agent = await signedIn(person);
  for (const acr_values of [ACR.one, `${ACR.phr} ${ACR.one}`, 'urn:somebody:else']) {
    const page = await agent.open(authorizationUrl(provider, client, { acr_values }));
    expect(page.leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  }
});

test('a person without a second factor sets one up on the way', async () => {
  const person = await provider.createPerson();
  const agent = await signedIn(person);
  const setUp = await agent.open(authorizationUrl(provider, client, { acr_values: ACR.two }));
  expect(heading(setUp)).toBe('Protect your account first');
  const codes = await agent.submit(setUp, { code: generateSync({ secret: secretOn(setUp) }) }, '/enrol');
  expect(heading(codes)).toBe('Save your recovery codes');
  const onward = /href="([^"]*\/continue)"/.exec(codes.html)?.[1] ?? '';
  const { claims } = await tokensOf(await agent.open(onward), person, agent);
  expect(claims).toMatchObject({ acr: ACR.two, amr: ['pwd', 'otp', 'mfa'] });
});

test('a person with an old session signs in again before adding a factor', async () => {
  const person = await provider.createPerson();
  const agent = await signedIn(person);
  await provider.sql(
    `update oidc_records set payload = jsonb_set(payload::jsonb, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 700))::json
     where model = 'Session' and account_id = $1`,
    [person.id],
  );
  const page = await agent.open(authorizationUrl(provider, client, { acr_values: ACR.two }));
  expect(heading(page)).toBe('Sign in');
  const signed = await agent.submit(
    page,
    { identifier: person.email, password: person.password },
    '/sign-in',
  );
  expect(heading(signed)).toBe('Protect your account first');
});

test('adding a passkey requires the existing factor first', async () => {
  const person = await provider.createPerson();
  const agent = await signedIn(person);
  const code = await addApp(person);
  const step = await agent.open(authorizationUrl(provider, client, { acr_values: ACR.phr }));
  expect(heading(step)).toBe('One more step');
  expect(step.html).toContain('name="code"');
  const setUp = await agent.submit(step, { code: code() }, '/verify');
  expect(heading(setUp)).toBe('Protect your account first');
  expect(setUp.html).toContain('data-passkey="create"');
  const refused = await agent.submit(setUp, {}, '/abort');
  expect(refused.leftFor?.searchParams.get('error')).toBe('access_denied');
});

test('a request for an acr that nobody can reach is refused with unmet_authentication_requirements', async () => {
  const person = await provider.createPerson();
  const agent = await signedIn(person);
  const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:somebody:else' } } });
  const { leftFor } = await agent.open(authorizationUrl(provider, client, { claims }));
  expect(leftFor?.searchParams.get('error')).toBe('unmet_authentication_requirements');
});

test('max_age asks again, and auth_time is the time of the actual login', async () => {
  const person = await provider.createPerson();
  const agent = await signedIn(person);
  await provider.sql(
    `update oidc_records set payload = jsonb_set(payload::jsonb, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 700))::json
     where model = 'Session' and account_id = $1`,
    [person.id],
  );
  const lasting = await agent.open(authorizationUrl(provider, client, { max_age: '3600' }));
  expect(lasting.leftFor).not.toBeNull();
  const page = await agent.open(authorizationUrl(provider, client, { max_age: '600' }));
  expect(heading(page)).toBe('Sign in');
  const before = Math.floor(Date.now() / 1000);
  const { claims } = await tokensOf(page, person, agent);
  expect(claims['auth_time']).toBeGreaterThanOrEqual(before);
});

test('an account that must have a second factor sets one up before anything else', async () => {
  const strict = await startProvider({ settings: { mfa: { requiredForRoles: ['user'] } } });
  const person = await strict.createPerson();
  const agent = new UserAgent(strict.url);
  const values = { identifier: person.email, password: person.password };
  const setUp = await agent.submit(await agent.open('/sign-in'), values, '/sign-in');
  expect(heading(setUp)).toBe('Protect your account first');
  expect((await agent.open('/account')).url.pathname).toBe('/sign-in');
  const codes = await agent.submit(setUp, { code: generateSync({ secret: secretOn(setUp) }) }, '/enrol');
  expect((await agent.open('/account')).url.pathname).toBe('/sign-in');
  const done = await agent.open(/href="([^"]*\/continue)"/.exec(codes.html)?.[1] ?? '');
  expect(done.url.pathname).toBe('/account');
  const remove = await agent.submit(await agent.open('/account/factors'), {}, '/remove');
  expect([remove.status, remove.html.includes('must have a second factor')]).toEqual([400, true]);
});

test('a client’s default_acr_values apply to all its requests', async () => {
  const wanting = await provider.createClient({ default_acr_values: [ACR.two] });
  const agent = await signedIn(await provider.createPerson());
  const page = await agent.open(authorizationUrl(provider, wanting));
  expect(heading(page)).toBe('Protect your account first');
});
