import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { apiOf, send } from '../api/support/client.ts';
import { callAs } from '../api/support/operators.ts';
import { beginDevice, DEVICE } from '../oidc/support/device.ts';
import { authorizationUrl, exchange, introspect, signIn, userinfo } from '../oidc/support/flow.ts';
import { listenForLogout } from '../oidc/support/logout-listener.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { type MovableTime, movableTime } from '../support/clock.ts';
import { until } from '../support/until.ts';
import { type Letters, readLetters } from './support/mail.ts';
import { csrfOf, type Desk, end, giveRoles, openDesk, viewed } from './support/desk.ts';

const REASON = 'Ticket 4711: an <b>invoice</b> does not open';

let time: MovableTime;
let provider: Provider;
let letters: Letters;
beforeAll(async () => {
  time = await movableTime();
  provider = await startProvider({
    stores: 'PostgreSQL',
    ...time.server,
    settings: { outbound: { allow: ['localhost', '127.0.0.1'] } },
  });
  letters = readLetters(provider.postern);
  await provider.operator.roles.create(shellOperator(systemActor), {
    name: 'viewer',
    permissions: ['users:read', 'users:impersonate'],
  });
});

const desk = (...roles: string[]) => openDesk(provider, REASON, roles);
const setRoles = (person: Person, ...roles: string[]) => giveRoles(provider, person, roles);

/** Sends an authorization request that needs no interaction. */
async function codeFor(agent: UserAgent, client: Client, parameters: Record<string, string> = {}) {
  const { leftFor } = await agent.open(authorizationUrl(provider, client, { prompt: 'none', ...parameters }));
  return leftFor?.searchParams;
}

const firstParty = (more: object = {}) => provider.createClient({ first_party: true, ...more });

it('a view lasts 15 minutes under a banner, is mailed to the person and audited, and returns to the operator', async () => {
  const { operator, agent, ask } = await desk();
  const person = await provider.createPerson();
  const { body } = await ask(person);
  expect(Object.keys(body).sort()).toEqual(['expires_at', 'id', 'url']);
  const url = String(body['url']);
  const page = await agent.open(url);
  expect([page.url.pathname, page.status, viewed(page)]).toEqual(['/account', 200, true]);
  expect(page.html).toContain(person.email);
  for (const path of ['/', '/account/profile', '/account/sessions', '/account/activity', '/no-such-page'])
    expect([path, viewed(await agent.open(path))]).toEqual([path, true]);
  expect((await agent.copy().open(url)).status).toBe(403);

  const letter = await letters.next(person.email, 'Support looked at your account');
  expect(letter.text).toContain(REASON);
  const started = await provider.audited('impersonation.started', person.id);
  expect(started).toMatchObject({
    actor_id: operator.id,
    details: { reason: REASON, impersonation: body['id'] },
  });

  const before = await agent.open('/account/profile');
  const back = await end(agent, before);
  expect(back.url.pathname).toBe(`/admin/users/${person.id}`);
  // A form that the person's page still shows is not sent as the operator.
  expect((await agent.submit(before, { name: 'Mallory' }, '/account/profile')).html).toContain(
    'open for a long time',
  );
  const own = await agent.open('/account');
  expect([viewed(own), own.html.includes(operator.email)]).toEqual([false, true]);
  expect(await provider.audited('impersonation.ended', person.id)).toMatchObject({
    actor_id: operator.id,
    details: { why: 'ended' },
  });
  expect((await agent.open(url)).status).toBe(403);
  // The view counts neither as a login nor as a logout of the person.
  expect(
    await provider.sql("select from audit_events where subject = $1 and type in ('login', 'logout')", [
      person.id,
    ]),
  ).toEqual([]);
});

it('a view is refused to service accounts, without permission or reason, of operators, and where it is disabled', async () => {
  const person = await provider.createPerson();
  const path = `/users/${person.id}/impersonate`;
  const owner = await callAs(provider, 'owner');
  expect(await owner('POST', path, { reason: REASON })).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  });
  const administrator = await desk('administrator');
  expect((await administrator.ask(person)).status).toBe(403);
  const { operator, ask, app } = await desk();
  for (const reason of ['', '  ', undefined, 'x'.repeat(501)])
    expect((await app.call('POST', path, { reason })).status).toBe(400);
  expect((await ask(operator)).status).toBe(403);
  for (const role of ['auditor', 'admin', 'viewer']) {
    const other = await provider.createPerson();
    await setRoles(other, role);
    expect([role, (await ask(other)).status]).toEqual([role, 403]);
  }
  expect(
    (await app.call('POST', '/users/00000000-0000-4000-8000-000000000000/impersonate', { reason: REASON }))
      .status,
  ).toBe(404);
  const suspended = await provider.createPerson();
  await provider.operator.accounts.suspend(suspended.id, systemActor);
  expect((await ask(suspended)).status).toBe(403);

  expect((await owner('PATCH', '/settings', { 'impersonation.enabled': false })).status).toBe(200);
  await until(async () => (await ask(person)).status === 403);
  await owner('PATCH', '/settings', { 'impersonation.enabled': null });
  await until(async () => (await ask(person)).status === 200);
});

it('a view starts only in its operator’s browser, within a minute, once, and not inside another view', async () => {
  const { agent, ask, view } = await desk();
  const person = await provider.createPerson();
  const open = async (browser: UserAgent, url: string) => (await browser.open(url)).status;
  const link = async () => String((await ask(person)).body['url']);
  const url = await link();
  expect(await open(new UserAgent(provider.url), url)).toBe(403);
  const other = await desk();
  expect(await open(other.agent, url)).toBe(403);
  const attempts = await Promise.all(Array.from({ length: 4 }, () => open(agent.copy(), url)));
  expect(attempts.toSorted((a, b) => a - b)).toEqual([200, 403, 403, 403]);
  const late = await link();
  await time.advance(61);
  expect(await open(agent, late)).toBe(403);
  await view(person);
  const nested = await link();
  const page = await agent.open(nested);
  expect([page.status, viewed(page)]).toEqual([403, true]);
});

describe('a view by an operator', () => {
  let person: Person;
  let it_: Desk;
  beforeAll(async () => {
    person = await provider.createPerson();
    it_ = await desk();
    await it_.view(person);
  });

  it('reaches no credentials, consents, exports, deletion or console, and changes nothing', async () => {
    const { agent } = it_;
    for (const path of [
      ...['email', 'password', 'factors', 'identities', 'requests', 'data', 'data/download', 'delete'].map(
        (page) => `/account/${page}`,
      ),
      '/Account/Password',
      '/account/password/',
      '/account/continue',
      '/admin',
      '/sign-in',
      '/register',
      '/device',
    ])
      expect([path, (await agent.open(path)).status]).toEqual([path, 403]);
    const page = await agent.open('/account/profile');
    const csrf = csrfOf(page);
    for (const path of ['profile', 'password', 'email', 'sessions/end-others', 'apps/disconnect', 'delete']) {
      const reply = await fetch(`${provider.url}/account/${path}`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie: agent.cookies('/account') },
        body: new URLSearchParams({ csrf, name: 'Mallory' }),
      });
      expect([path, reply.status]).toEqual([path, 403]);
    }
    const [row] = await provider.sql('select name from users where id = $1', [person.id]);
    expect(row).toEqual({ name: 'Ada Lovelace' });
  });

  it('is stated as `act` in every token, issues no refresh token, and ends with all its tokens', async () => {
    const client = await firstParty({ grant_types: ['authorization_code', 'refresh_token'] });
    const code = (await codeFor(it_.agent, client, { scope: 'openid profile email offline_access' }))?.get(
      'code',
    );
    const { status, body } = await exchange(provider, client, code ?? '');
    expect({ status, refresh: body.refresh_token }).toEqual({ status: 200, refresh: undefined });
    const act = { sub: it_.operator.id };
    const idToken = decodeJwt(body.id_token);
    expect(idToken).toMatchObject({ sub: person.id, act });
    expect((await userinfo(provider, body.access_token)).body).toMatchObject({ sub: person.id, act });
    expect((await introspect(provider, client, body.access_token)).body).toMatchObject({ active: true, act });
    expect(body.expires_in).toBeLessThanOrEqual(900);
    expect(Number(idToken.exp) - Number(idToken.iat)).toBeLessThanOrEqual(900);

    const minimal = await firstParty({ id_token_claims: 'minimal' });
    const other = await exchange(provider, minimal, (await codeFor(it_.agent, minimal))?.get('code') ?? '');
    expect(decodeJwt(other.body.id_token)).toMatchObject({ act });
    const me = await firstParty();
    const parameters = {
      scope:
        'openid me:profile:read me:profile:write me:security:read me:security:write me:data:read me:delete',
      resource: apiOf(provider),
    };
    const given = await exchange(
      provider,
      me,
      (await codeFor(it_.agent, me, parameters))?.get('code') ?? '',
      {
        resource: apiOf(provider),
      },
    );
    expect(decodeJwt(given.body.access_token)).toMatchObject({ act });
    const authorization = `Bearer ${given.body.access_token}`;
    const call = (method: string, path: string, sent?: object) =>
      send(provider, method, path, { headers: { authorization }, ...(sent && { body: sent }) });
    expect((await call('GET', '/me')).status).toBe(200);
    for (const [method, path, sent] of [
      ['PATCH', '/me', { name: 'Mallory' }],
      ['GET', '/me/factors'],
      ['GET', '/me/data'],
      ['POST', '/me/password', { new_password: 'three other words', password: person.password }],
      ['DELETE', '/me'],
    ] as const)
      expect([path, (await call(method, path, sent)).status]).toEqual([path, 403]);
  });

  it('refuses apps that need the person: for consent, a login, a stronger login, a device or a login elsewhere', async () => {
    const { agent } = it_;
    const app = await provider.createClient();
    expect((await codeFor(agent, app))?.get('error')).toBe('consent_required');
    for (const more of [
      {},
      { prompt: 'login' },
      { prompt: 'select_account' },
      { prompt: 'create' },
      { acr_values: 'urn:postern:acr:2fa' },
    ]) {
      const page = await agent.open(authorizationUrl(provider, app, more));
      expect([more, page.status, viewed(page)]).toEqual([more, 403, true]);
      const csrf = csrfOf(page);
      const uid = page.url.pathname.split('/')[2] ?? '';
      const consent = await fetch(`${provider.url}/interaction/${uid}/consent`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie: agent.cookies(`/interaction/${uid}`) },
        body: new URLSearchParams({ csrf, decision: 'allow' }),
      });
      expect(consent.status).toBe(403);
      const back = await agent.submit(page, {}, '/abort');
      expect(back.leftFor?.searchParams.get('error')).toBe('access_denied');
    }
    const device = await provider.createClient({ ...DEVICE, first_party: true });
    const { user_code: userCode } = await beginDevice(provider, device);
    expect((await agent.open(`/device?user_code=${userCode}`)).status).toBe(403);
  });
});

it('ending a view ends its tokens, its session and each app’s grant, and notifies the apps', async () => {
  const listener = await listenForLogout();
  const client = await firstParty({ backchannel_logout_uri: listener.uri });
  const { agent, view, operator } = await desk();
  // The app had a session of the operator.
  const own = await signIn(provider, client, operator, { agent });
  const person = await provider.createPerson();
  await view(person);
  expect((await codeFor(agent, client, { id_token_hint: own.id_token }))?.get('error')).toBe(
    'login_required',
  );
  const { body } = await exchange(provider, client, (await codeFor(agent, client))?.get('code') ?? '');
  const unused = (await codeFor(agent, client))?.get('code') ?? '';
  await end(agent, await agent.open('/account'));
  expect((await userinfo(provider, body.access_token)).status).toBe(401);
  expect((await exchange(provider, client, unused)).status).toBe(400);
  expect(await listener.received(1)).toMatchObject([{ sub: person.id }]);
  // The operator's own session and tokens stay valid.
  expect((await userinfo(provider, own.access_token)).status).toBe(200);
  expect((await codeFor(agent, client))?.get('code')).toBeDefined();
});

it('a view ends by itself after 15 minutes, in the browser and through the sweep', async () => {
  const first = await desk();
  const second = await desk();
  const person = await provider.createPerson();
  await first.view(person);
  await second.view(person);
  const client = await firstParty();
  const { body } = await exchange(provider, client, (await codeFor(second.agent, client))?.get('code') ?? '');
  await time.advance(901);
  const form = await fetch(`${provider.url}/account/profile`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: first.agent.cookies('/account') },
    body: new URLSearchParams({ name: 'Mallory' }),
  });
  expect([form.status, await form.text()]).toEqual([403, expect.stringContaining('The view has ended')]);
  const tabs = await Promise.all([first.agent.copy().open('/account'), first.agent.open('/account')]);
  for (const tab of tabs)
    expect([viewed(tab), tab.html.includes(first.operator.email)]).toEqual([false, true]);
  expect((await first.agent.open('/account')).html).toContain(first.operator.email);
  await provider.sql(
    "update impersonations set expires_at = now() - interval '1 hour' where ended_at is null",
  );
  await provider.operator.sweep();
  expect(
    await provider.sql(
      "select details ->> 'why' as why from audit_events where subject = $1 and type = 'impersonation.ended'",
      [person.id],
    ),
  ).toEqual([{ why: 'expired' }, { why: 'expired' }]);
  expect((await introspect(provider, client, body.access_token)).body).toEqual({ active: false });
  expect((await codeFor(second.agent, client))?.get('code')).toBeDefined();
  expect((await second.agent.open('/account')).html).toContain(second.operator.email);
});

describe('a view ends at once', () => {
  it.each<[string, (operator: Person, person: Person) => Promise<unknown>, boolean]>([
    ['when the operator loses the role', (operator) => setRoles(operator), true],
    [
      'when the operator is suspended',
      ({ id }) => provider.operator.accounts.suspend(id, systemActor),
      false,
    ],
    [
      "when the operator's sessions end",
      ({ id }) => provider.operator.accountSessions.endOthers(id, null, systemActor),
      false,
    ],
    ['when the person becomes an operator', (_, person) => setRoles(person, 'auditor'), true],
    [
      'when the person is suspended',
      (_, { id }) => provider.operator.accounts.suspend(id, systemActor),
      true,
    ],
    [
      'when the person signs out everywhere',
      (_, { id }) => provider.operator.accountSessions.endOthers(id, null, systemActor),
      true,
    ],
    ['when the person is deleted', (_, { id }) => provider.operator.accounts.remove(id, systemActor), true],
  ])('%s', async (_, happen, isBack) => {
    const { agent, operator, view } = await desk();
    const person = await provider.createPerson();
    await view(person);
    const client = await firstParty();
    const { body } = await exchange(provider, client, (await codeFor(agent, client))?.get('code') ?? '');
    await happen(operator, person);
    expect((await userinfo(provider, body.access_token)).status).toBe(401);
    expect((await introspect(provider, client, body.access_token)).body).toEqual({ active: false });
    const page = await agent.open('/account');
    expect([viewed(page), page.html.includes(person.email)]).toEqual([false, false]);
    expect(page.html.includes(operator.email)).toBe(isBack);
  });
});

it('with ask_first the person sees the request, allows or refuses it, and is notified', async () => {
  const { agent, ask, operator } = await desk();
  const person = await provider.createPerson();
  const asked = await ask(person, { ask_first: true });
  expect([asked.status, asked.body['url']]).toEqual([202, undefined]);
  expect((await ask(person, { ask_first: true })).body).toMatchObject({ id: asked.body['id'] });
  expect((await letters.next(person.email, 'May support look at your account?')).text).toContain(REASON);
  const browser = new UserAgent(provider.url);
  const enter = await browser.open('/account/requests');
  const page = await browser.submit(
    enter,
    { identifier: person.email, password: person.password },
    '/sign-in',
  );
  expect(page.html).toContain('Ticket 4711: an &lt;b&gt;invoice&lt;/b&gt; does not open');
  const done = await browser.submit(page, {}, '/views/');
  expect(done.html).toContain('You allowed it.');
  const { status, body } = await ask(person, { ask_first: true });
  expect(status).toBe(200);
  expect(viewed(await agent.open(String(body['url'])))).toBe(true);
  expect(await provider.audited('impersonation.approved', person.id)).toMatchObject({
    actor_id: person.id,
    details: { operator: operator.id },
  });
  // The person sees the view among the sessions and ends it.
  const sessions = await browser.open('/account/sessions');
  expect(sessions.html).toContain('Viewed by support');
  await browser.submit(sessions, {}, '/end-others');
  expect(viewed(await agent.open('/account'))).toBe(false);

  await ask(person, { ask_first: true });
  const again = await browser.open('/account/requests');
  const csrf = csrfOf(again);
  const [, id] = /views\/([\w-]+)\/deny/.exec(again.html) ?? [];
  await fetch(`${provider.url}/account/requests/views/${id}/deny`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: browser.cookies('/account/requests') },
    body: new URLSearchParams({ csrf }),
  });
  expect(await ask(person, { ask_first: true })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
});
