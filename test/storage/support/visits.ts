/** Requests to every endpoint of the provider and every hosted page, for the test of plans. */
import { expect } from '@jest/globals';
import { generateSync } from 'otplib';
import { systemActor } from '../../../src/core/actor.ts';
import { shellOperator } from '../../../src/domain/operators/operator.ts';
import { csrfOf, end, openDesk } from '../../account/support/desk.ts';
import type { Letters } from '../../account/support/mail.ts';
import type { ContractServer } from '../../contracts/support/server.ts';
import { createService, redeem } from '../../oidc/support/assertions.ts';
import { approveLogin, askForLogin, openLoginRequests, POLL, pollLogin } from '../../oidc/support/ciba.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from '../../oidc/support/device.ts';
import {
  authorizationUrl,
  authorize,
  exchange,
  introspect,
  post,
  push,
  pushedUrl,
  refresh,
  signIn,
  userinfo,
} from '../../oidc/support/flow.ts';
import { listenForLogout } from '../../oidc/support/logout-listener.ts';
import { assertion, newKeys } from '../../oidc/support/proofs.ts';
import type { Person } from '../../oidc/support/provider.ts';
import { APP, asClient, metadataOf, send } from '../../oidc/support/registration.ts';
import { type Page, UserAgent } from '../../oidc/support/user-agent.ts';
import { formsOf } from '../../support/forms.ts';
import { signInBy } from '../../upstream/support/sign-in.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ORDERS = 'https://orders.example.test';
const LEDGER = 'https://ledger.example.test';
const TWO_FACTORS = 'two-factors';
const PASSWORD = 'an entirely new password';

/** The settings that the visits need. @param upstreams providers to sign in with, one of them `hub`. */
export const visitSettings = (upstreams: readonly object[]) => ({
  outbound: { allow: ['localhost', '127.0.0.1'] },
  mfa: { requiredForRoles: [TWO_FACTORS] },
  upstreams,
});

const OFFLINE = { scope: 'openid profile email offline_access', prompt: 'consent' };

/** Every grant of the token endpoint, and the endpoints for its tokens. */
async function visitGrants(server: ContractServer, person: Person): Promise<void> {
  await Promise.all([ORDERS, LEDGER].map((identifier) => server.createApi({ identifier })));
  const client = await server.createClient();
  const agent = new UserAgent(server.url);
  const tokens = await signIn(server, client, person, { agent, parameters: OFFLINE });
  const code = (await authorize(server, agent, client, person)).get('code') ?? '';
  await exchange(server, client, code);
  // Ends the tokens of the first use.
  await exchange(server, client, code);
  const { body } = await refresh(server, client, tokens.refresh_token);
  await introspect(server, client, body.access_token);
  await introspect(server, client, body.refresh_token);
  await userinfo(server, body.access_token);
  const authorization = `Bearer ${body.access_token}`;
  await fetch(`${server.url}/oauth2/userinfo`, { method: 'POST', headers: { authorization } });
  await post(server, 'revoke', client, { token: body.refresh_token });
  const pushed = await agent.open(pushedUrl(server, client, await push(server, client)));
  expect(pushed.leftFor).not.toBeNull();

  const device = await server.createClient(DEVICE, { isPublic: true });
  const codes = await beginDevice(server, device);
  await approveDevice(server, person, codes.user_code, agent);
  expect((await pollDevice(server, device, codes.device_code)).status).toBe(200);

  const elsewhere = await server.createClient(POLL);
  const ask = () => askForLogin(server, elsewhere, { login_hint: person.email });
  const [asked] = [await ask(), await approveLogin(server, person)];
  expect((await pollLogin(server, elsewhere, asked.body.auth_req_id)).status).toBe(200);
  await ask();
  const requests = await openLoginRequests(server, person);
  const deny = formsOf(requests.page.html).find(({ action }) => action.endsWith('/deny'));
  const csrf = csrfOf(requests.page);
  await requests.agent.post(deny?.action ?? '', new URLSearchParams({ csrf }));

  const audiences = { audiences: [LEDGER], clients: [client.id], impersonation: true };
  const [exchanger, onApi] = await Promise.all([
    server.createClient({ grant_types: ['client_credentials', TOKEN_EXCHANGE], token_exchange: audiences }),
    signIn(server, client, person, { parameters: { scope: 'openid read', resource: ORDERS } }),
  ]);
  expect((await post(server, 'token', exchanger, { grant_type: 'client_credentials' })).status).toBe(200);
  const subject = { subject_token: onApi.access_token, subject_token_type: ACCESS_TOKEN };
  const exchanged = { grant_type: TOKEN_EXCHANGE, ...subject, resource: LEDGER };
  expect((await post(server, 'token', exchanger, exchanged)).status).toBe(200);

  const keys = await newKeys();
  const service = await createService(server, { jwks: { keys: [keys.publicJwk] }, scope: 'read' });
  const wish = { resource: ORDERS, scope: 'read' };
  expect((await redeem(server, service, await assertion(server, service.id, keys), wish)).status).toBe(200);

  const supported = (await (await fetch(`${server.url}/.well-known/openid-configuration`)).json()) as {
    grant_types_supported: string[];
  };
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const grant of supported.grant_types_supported)
    expect(metrics).toContain(`postern_grants_total{grant_type="${grant}",outcome="success"}`);
}

/** Dynamic registration and its management (RFC 7591, RFC 7592). */
async function visitRegistration(server: ContractServer, person: Person): Promise<void> {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const { token } = await server.operator.registrationTokens.create(
    { policy: 'default', expiresAt },
    systemActor,
  );
  const { status, body } = await send('POST', `${server.url}/oauth2/register`, { bearer: token, body: APP });
  expect(status).toBe(201);
  // An update replaces the token.
  let bearer = body.registration_access_token;
  const manage = async (method: string, sent?: unknown) => {
    const reply = await send(method, body.registration_client_uri, { bearer, body: sent });
    bearer = reply.body.registration_access_token ?? bearer;
    return reply;
  };
  await signIn(server, asClient(body), person);
  for (const [method, sent, expected] of [
    ['GET', undefined, 200],
    ['PUT', { ...metadataOf(body), client_name: 'Renamed' }, 200],
    ['DELETE', undefined, 204],
  ] as const)
    expect([method, (await manage(method, sent)).status]).toEqual([method, expected]);
}

/** Logout by an app, with its notices to other apps, and by the person. */
async function visitLogout(server: ContractServer, person: Person): Promise<void> {
  const listener = await listenForLogout();
  const goodbye = 'https://app.example.test/goodbye';
  const [told, framed] = await Promise.all([
    server.createClient({
      backchannel_logout_uri: listener.uri,
      backchannel_logout_session_required: true,
      post_logout_redirect_uris: [goodbye],
    }),
    server.createClient({ frontchannel_logout_uri: 'https://app.example.test/logout' }),
  ]);
  const agent = new UserAgent(server.url);
  for (let round = 0; round < 2; round += 1) {
    await signIn(server, framed, person, { agent });
    const { id_token: hint } = await signIn(server, told, person, { agent });
    const query =
      round === 0 ? { client_id: told.id } : { id_token_hint: hint, post_logout_redirect_uri: goodbye };
    const asked = await agent.open(`/oauth2/logout?${new URLSearchParams(query).toString()}`);
    if (asked.html.includes('/logout/confirm')) await agent.submit(asked, { logout: 'yes' }, '/confirm');
    await listener.received(round + 1);
  }
  await agent.post('/oauth2/logout', new URLSearchParams({ client_id: told.id }));
  await agent.open('/oauth2/logout/success');
  await signIn(server, told, person, { agent });
  await agent.submit(await agent.open('/'), {}, '/sign-out');
}

/** Every endpoint of the provider. */
export async function visitEndpoints(server: ContractServer, person: Person): Promise<void> {
  await visitGrants(server, person);
  await visitRegistration(server, person);
  await visitLogout(server, person);
  const client = await server.createClient();
  const request = new URL(authorizationUrl(server, client));
  await fetch(`${server.url}${request.pathname}`, {
    method: 'POST',
    body: request.searchParams,
    redirect: 'manual',
  });
  for (const document of [
    '/oauth2/jwks',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
  ])
    expect((await fetch(`${server.url}${document}`)).status).toBe(200);
}

const linkOf = ({ html }: Page, part: string): string =>
  new RegExp(`href="([^"]*${part}[^"]*)"`).exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
const secretOn = ({ html }: Page): string =>
  /<code>([A-Z2-7 ]+)<\/code>/.exec(html)?.[1]?.replaceAll(' ', '') ?? '';
/** A code that the server accepts after the current one was used: of the next time step. */
const codeOf = (secret: string, step = 0): string =>
  generateSync({ secret, epoch: Math.floor(Date.now() / 1000) + 30 * step });

/** The pages of one sign-in. @param start opens it, with an app or without. */
async function visitSignIn(
  server: ContractServer,
  letters: Letters,
  start: () => Promise<string>,
): Promise<void> {
  const begin = async () => {
    const agent = new UserAgent(server.url);
    const page = await agent.open(await start());
    const base = /^\/interaction\/[^/]+/.exec(page.url.pathname)?.[0] ?? '';
    return { agent, page, base };
  };
  const person = await server.createPerson();
  const enter = async (one: Person) => {
    const { agent, page, base } = await begin();
    const values = { identifier: one.email, password: one.password };
    return { agent, base, page: await agent.submit(page, values, '/sign-in') };
  };

  // A wrong password, then a password reset, a sign-in link and a passkey that does not exist.
  const { agent, page, base } = await begin();
  await agent.submit(page, { identifier: person.email, password: 'not the password' }, '/sign-in');
  const forgot = await agent.open(`${base}/forgot-password`);
  await agent.submit(forgot, { identifier: person.email });
  const reset = await agent.open(await letters.link(person.email, '/reset-password'));
  await agent.submit(reset, { password: PASSWORD });
  // A sign-in link is for an account that wrong passwords have locked.
  const wrong = { identifier: person.email, password: 'not the password' };
  let locked = await agent.submit(await agent.open(`${base}/sign-in`), wrong, '/sign-in');
  for (let tries = 0; locked.status === 401 && tries < 50; tries += 1)
    locked = await agent.submit(locked, wrong, '/sign-in');
  await agent.submit(locked, {}, '/sign-in/link');
  const link = await agent.open(await letters.link(person.email, '/sign-in-link', 'Sign in to your account'));
  await agent.submit(link, {}, '/sign-in-link');
  const stranger = await begin();
  await stranger.agent.open(`${stranger.base}/sign-in/passkey`);
  const passkey = { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: {} };
  await stranger.agent.post(
    `${stranger.base}/sign-in/passkey`,
    new URLSearchParams({ csrf: csrfOf(stranger.page), passkey: JSON.stringify(passkey) }),
  );

  // A new account.
  const joining = await begin();
  const create = await joining.agent.open(joining.base === '' ? '/register' : `${joining.base}/create`);
  const email = `joining-${Date.now()}@example.test`;
  await joining.agent.submit(create, { email, name: 'Jo', password: PASSWORD });
  // A role that requires a second factor: it is set up, then asked for.
  const careful = await server.createPerson();
  const shell = shellOperator(systemActor);
  await server.operator.assignments.setRoles(shell, careful.id, ['user', TWO_FACTORS]);
  const enrolling = await enter(careful);
  const secret = secretOn(enrolling.page);
  const codes = await enrolling.agent.submit(enrolling.page, { code: codeOf(secret) }, '/enrol');
  await enrolling.agent.open(linkOf(codes, '/continue'));
  const verifying = await enter(careful);
  await verifying.agent.submit(verifying.page, { code: codeOf(secret, 1), trust: 'yes' }, '/verify');

  const elsewhere = await begin();
  await signInBy(elsewhere.agent, `${elsewhere.base}/sign-in/upstream?with=hub`);
}

/** Every page of signing in, without an app and in an authorization request, and what links in mail open. */
export async function visitSignIns(server: ContractServer, letters: Letters): Promise<void> {
  const shell = shellOperator(systemActor);
  await server.operator.roles.create(shell, { name: TWO_FACTORS, permissions: [] });
  await visitSignIn(server, letters, async () => '/sign-in');
  const client = await server.createClient();
  await visitSignIn(server, letters, async () => authorizationUrl(server, client));

  // The other answers to an authorization request.
  const person = await server.createPerson();
  const agent = new UserAgent(server.url);
  await signIn(server, client, person, { agent });
  const ask = (parameters: Record<string, string>, app = client) =>
    agent.open(authorizationUrl(server, app, parameters));
  await agent.submit(await ask({ prompt: 'select_account' }), { account: person.id }, '/select');
  const stranger = new UserAgent(server.url);
  await stranger.submit(await stranger.open(authorizationUrl(server, client)), {}, '/abort');
  const consent = await ask({ prompt: 'consent' });
  await agent.post(`${consent.url.pathname}/switch`, new URLSearchParams({ csrf: csrfOf(consent) }));
  await server.operator.groups.create(shell, { name: 'insiders' });
  const closed = await server.createClient({ allowed_groups: ['insiders'] });
  const notAllowed = await ask({}, closed);
  await agent.post(
    `${notAllowed.url.pathname}/not-allowed`,
    new URLSearchParams({ csrf: csrfOf(notAllowed) }),
  );
  await agent.open('/');
  for (const document of ['change-password', 'passkey-endpoints', 'security.txt'])
    await agent.open(`/.well-known/${document}`);

  // A move of the address by a mail.
  const email = `moved-${person.email}`;
  const changes = await agent.open('/account/email');
  await agent.submit(changes, { email }, '/account/email');
  await agent.submit(
    await agent.open(await letters.link(email, '/verify-email', 'Confirm your email address')),
    {},
  );

  // An operator looks at somebody's account.
  const desk = await openDesk(server, 'a reason', ['owner']);
  await end(desk.agent, await desk.view(person));
}
