/** Two people and one address: a stranger who registers it, and its owner, who registers before or after. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { systemActor } from '../../src/core/actor.ts';
import { newUuid } from '../../src/core/ids.ts';
import { type ContractServer, startContractServer } from '../contracts/support/server.ts';
import { flows, type Member } from '../contracts/support/members.ts';
import { authorizationUrl, introspect, signIn } from '../oidc/support/flow.ts';
import type { Client } from '../oidc/support/provider.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { Authenticator } from '../support/authenticator.ts';
import { type Letters, readLetters } from './support/mail.ts';

const NEXT = 'an entirely new password';
const CLEARED = 'What was set up on your account earlier was removed';

let server: ContractServer;
let letters: Letters;
let client: Client;
beforeAll(async () => {
  server = await startContractServer({ settings: { registration: { verifyEmail: true } } });
  letters = readLetters(server.postern);
  client = await server.createClient();
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const idOf = async (email: string) => (await server.operator.accounts.findByEmail(email))!.id;
const isIn = async (agent: UserAgent) => (await agent.open('/account')).url.pathname === '/account';

async function enter(email: string, password: string, start = '/account'): Promise<UserAgent> {
  const agent = new UserAgent(server.url);
  await agent.submit(await agent.open(start), { identifier: email, password }, '/sign-in');
  return agent;
}

/** A stranger with the owner's address, signed in at a contract and wherever else they can be. */
async function stranger(door: 'ppl' | 'gateway' | 'cookie' | 'keyed' = 'gateway') {
  const member = await flows[door].join(server.visitor(door));
  const agent = await enter(member.email, member.password);
  const person = { id: await idOf(member.email), ...member };
  const parameters = { scope: 'openid email offline_access', prompt: 'consent' };
  const tokens = await signIn(server, client, person, { agent, parameters });
  return { ...person, door, agent, tokens };
}
type Stranger = Awaited<ReturnType<typeof stranger>>;

/** Adds everything that opens an account. Accounts from before the rule against it may have all of this. */
async function equip({ id, email }: Stranger, changes = true) {
  await server.sql('update users set owner_proven_at = now() where id = $1', [id]);
  const { mfa, apiKeys } = server.operator;
  const { secret, id: app } = await mfa.totp.begin(id, 'Theirs');
  await mfa.totp.confirm(id, app, generateSync({ secret }), systemActor);
  const authenticator = new Authenticator(server.url);
  const options = await mfa.passkeys.registrationOptions(id);
  await mfa.passkeys.register(id, authenticator.create(options), 'Theirs', systemActor);
  const { key } = await apiKeys.create({ name: 'Theirs', accountId: id }, systemActor);
  const device = await mfa.devices.trust(id, 3600, systemActor);
  await server.sql(
    `insert into upstream_identities (id, upstream, issuer, subject, account_id) values ($1, 'up', 'https://up', $3, $2)`,
    [newUuid(), id, newUuid()],
  );
  const half = await mfa.totp.begin(id, 'Half done');
  // Invalidates the link of the registration.
  if (changes) await server.operator.verification.requestChange(id, `theirs-${email}`, systemActor);
  const change = changes ? await letters.link(`theirs-${email}`, '/verify-email') : '/verify-email?token=x';
  await server.sql('update users set owner_proven_at = null where id = $1', [id]);
  return { authenticator, key, device, half, change };
}

/** Expects that nothing added by the stranger opens the account or acts for it. */
async function expectNothingOf(
  who: Stranger,
  { authenticator, key, device, half, change }: Awaited<ReturnType<typeof equip>>,
) {
  expect(await isIn(who.agent)).toBe(false);
  for (const token of [who.tokens.access_token, who.tokens.refresh_token])
    expect((await introspect(server, client, token)).body).toEqual({ active: false });
  await flows[who.door].use?.(server.visitor(who.door), who.token, 401);
  if (who.refreshToken) await flows[who.door].refresh?.(server.visitor(who.door), who.refreshToken, 401);
  await server.visitor('cookie').call('me', { apiKey: key }, { status: 401 });
  expect(await server.operator.mfa.devices.isTrusted(who.id, device)).toBe(false);
  expect(await server.operator.mfa.status(who.id)).toMatchObject({ totp: [], passkeys: [], methods: [] });

  const options = (await (await fetch(`${server.url}/sign-in/passkey`)).json()) as { challenge: string };
  const agent = new UserAgent(server.url);
  const page = await agent.open('/sign-in');
  const body = new URLSearchParams({
    csrf: /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '',
    passkey: JSON.stringify(authenticator.get(options)),
  });
  const headers = { cookie: agent.cookies('/sign-in/passkey'), origin: server.url };
  const reply = await fetch(`${server.url}/sign-in/passkey`, {
    method: 'POST',
    body,
    headers,
    redirect: 'manual',
  });
  expect(reply.headers.get('location')).toMatch(/^\/sign-in\?flash=/);

  const code = generateSync({ secret: half.secret });
  const late = server.operator.mfa.totp.confirm(who.id, half.id, code, systemActor);
  await expect(late).rejects.toMatchObject({ code: 'factor_not_found' });
  expect((await new UserAgent(server.url).open(change)).status).toBe(400);
  for (const table of ['upstream_identities', 'consents', 'recovery_codes', 'sign_in_devices'])
    expect([table, await server.sql(`select from ${table} where account_id = $1`, [who.id])]).toEqual([
      table,
      [],
    ]);
}

async function resetLink(email: string): Promise<string> {
  const agent = new UserAgent(server.url);
  await agent.submit(await agent.open('/forgot-password'), { identifier: email });
  return letters.link(email, '/reset-password', 'Reset your password');
}

const verifyLink = (email: string) => letters.link(email, '/verify-email', 'Confirm your email address');

describe('when the owner comes after a stranger who registered their address,', () => {
  test.each(['ppl', 'gateway', 'cookie', 'keyed'] as const)(
    'a password reset removes all that was added through %s',
    async (door) => {
      const who = await stranger(door);
      const had = await equip(who);
      const asked = await resetLink(who.email);
      const owner = new UserAgent(server.url);
      const done = await owner.submit(await owner.open(asked), { password: NEXT });
      expect(heading(done)).toBe('Your password is changed');
      await expectNothingOf(who, had);

      const { text = '' } = await letters.next(who.email, CLEARED);
      for (const line of ['Passkeys: 1', 'Authenticator apps: 1', 'Connected sign-ins: 1', 'API keys: 1'])
        expect(text).toContain(line);
      expect(await isIn(await enter(who.email, who.password))).toBe(false);
      const agent = await enter(who.email, NEXT);
      expect(await isIn(agent)).toBe(true);
      const added = await agent.submit(await agent.open('/account/factors'), { name: 'Mine' }, '/totp');
      expect(added.html).toMatch(/<code>([A-Z2-7 ]+)<\/code>/);
    },
  );

  test('confirming the address without the password does the same', async () => {
    const who = await stranger('gateway');
    const had = await equip(who, false);
    const owner = new UserAgent(server.url);
    const page = await owner.open(await verifyLink(who.email));
    expect(page.html).toContain('You did not create this account');
    const done = await owner.submit(page, { password: '', unknown: 'yes' });
    expect(heading(done)).toBe('Your email address is confirmed');
    expect(await isIn(await enter(who.email, who.password))).toBe(false);
    const [, choose = ''] = /href="(\/reset-password\?token=[^"]+)"/.exec(done.html) ?? [];
    await owner.submit(await owner.open(choose), { password: NEXT });
    await expectNothingOf(who, had);
    expect(await isIn(await enter(who.email, NEXT))).toBe(true);
  });

  test('a registration link requested earlier still makes the account theirs', async () => {
    const person = newPerson();
    const owner = new UserAgent(server.url);
    await owner.submit(await owner.open('/register'), { email: person.email });
    const link = await verifyLink(person.email);
    const { username, email, password } = { ...newPerson(), email: person.email };
    const made = await server
      .visitor('gateway')
      .call('register', { body: { username, email, password } }, { status: 201 });
    const theirs = await enter(email, password);
    const values = { username: person.username, name: 'Ada', password: NEXT };
    const done = await owner.submit(await owner.open(link), values);
    expect(done.html).toContain('Ada');
    expect(await isIn(theirs)).toBe(false);
    await flows.gateway.use?.(server.visitor('gateway'), made.text('accessToken'), 401);
    expect(await isIn(await enter(email, password))).toBe(false);
    expect(await isIn(await enter(person.username, NEXT))).toBe(true);
    expect((await owner.open(link)).status).toBe(400);
  });

  test('a login that the stranger has begun cannot be completed', async () => {
    const who = await stranger();
    const agent = new UserAgent(server.url);
    const start = await agent.open(authorizationUrl(server, client, { prompt: 'login' }));
    const form = /<form[^>]*action="([^"]*\/sign-in)"/.exec(start.html)?.[1] ?? '';
    const fields = new URLSearchParams({
      csrf: /name="csrf" value="([^"]+)"/.exec(start.html)?.[1] ?? '',
      identifier: who.email,
      password: who.password,
    });
    const action = new URL(form, start.url);
    const headers = { cookie: agent.cookies(action.pathname), origin: server.url };
    const reply = await fetch(action, { method: 'POST', body: fields, headers, redirect: 'manual' });
    expect(reply.status).toBe(303);
    const owner = new UserAgent(server.url);
    await owner.submit(await owner.open(await resetLink(who.email)), { password: NEXT });
    const onward = new URL(reply.headers.get('location') ?? '', start.url);
    const page = await agent.open(onward);
    expect(page.leftFor?.searchParams.get('code') ?? null).toBeNull();
    expect(await isIn(agent)).toBe(false);
  });
});

describe('before the address is proven,', () => {
  test('nothing that opens the account can be added', async () => {
    const { id, agent, token } = await stranger('cookie');
    expect((await agent.open('/account/factors')).html).toContain('Confirm your email address first');
    expect((await agent.open('/account/factors/passkeys/options')).status).toBe(403);
    for (const work of [
      server.operator.mfa.totp.begin(id, 'x'),
      server.operator.mfa.passkeys.registrationOptions(id),
      server.operator.apiKeys.create({ name: 'x', accountId: id }, systemActor),
    ])
      await expect(work).rejects.toMatchObject({ code: 'email_unverified' });
    const refused = { status: 403, body: { error: { code: 'AUTHORIZATION_ERROR' } } };
    const { call } = server.visitor('cookie');
    await call('enrolTotp', { bearer: token, body: { name: 'x' } }, refused);
    await call('createApiKey', { bearer: token, body: { name: 'x' } }, refused);
  });

  test('a confirmation at a contract does not prove whose account it is', async () => {
    const who = await stranger('gateway');
    const link = await verifyLink(who.email);
    const token = new URL(link, server.url).searchParams.get('token') ?? '';
    await server.visitor('gateway').call('verifyEmail', { params: { token } }, { status: 200 });
    await flows.gateway.login(server.visitor('gateway'), who, 200);
    await flows.gateway.use?.(server.visitor('gateway'), who.token, 200);
    const claims = await fetch(`${server.url}/oauth2/userinfo`, {
      headers: { authorization: `Bearer ${who.tokens.access_token}` },
    });
    expect(await claims.json()).toMatchObject({ email: who.email, email_verified: false });
    await expect(server.operator.mfa.totp.begin(who.id, 'x')).rejects.toMatchObject({
      code: 'email_unverified',
    });
  });
});

describe('a person who created the account and reads its mailbox', () => {
  const proven = async ({ email }: Pick<Member, 'email'>) =>
    (await server.operator.accounts.findByEmail(email))?.ownerProvenAt ?? null;

  test('keeps everything by confirming in a browser that is signed in', async () => {
    const who = await stranger('ppl');
    const page = await who.agent.open(await verifyLink(who.email));
    expect(page.html).not.toContain('type="password"');
    expect(heading(await who.agent.submit(page, {}))).toBe('Your email address is confirmed');
    expect(await proven(who)).toBeInstanceOf(Date);
    expect(await isIn(who.agent)).toBe(true);
    await flows.ppl.use?.(server.visitor('ppl'), who.token, 200);
  });

  test('keeps everything by entering the password in another browser, in one of two tabs', async () => {
    const who = await stranger('gateway');
    const phone = new UserAgent(server.url);
    const link = await verifyLink(who.email);
    const [page, second] = [await phone.open(link), await phone.open(link)];
    // Pressing the button too early costs nothing.
    expect((await phone.submit(page, { password: '' })).status).toBe(400);
    expect(await isIn(who.agent)).toBe(true);
    const wrong = await phone.submit(page, { password: 'not the password' });
    expect([wrong.status, wrong.html.includes('This is not the password of the account')]).toEqual([
      400,
      true,
    ]);
    expect(await proven(who)).toBeNull();
    const done = await phone.submit(wrong, { password: who.password });
    expect(heading(done)).toBe('Your email address is confirmed');
    expect(heading(await phone.submit(second, { unknown: 'yes' }))).toBe('This link no longer works');
    expect(await proven(who)).toBeInstanceOf(Date);
    expect(await isIn(who.agent)).toBe(true);
    const begun = await server.operator.mfa.totp.begin(who.id, 'Mine');
    await server.operator.mfa.totp.confirm(who.id, begun.id, generateSync(begun), systemActor);
    // A later reset is not the first proof: the second factor stays.
    await phone.submit(await phone.open(await resetLink(who.email)), { password: NEXT });
    expect((await server.operator.mfa.status(who.id)).totp).toHaveLength(1);
  });

  test('cannot guess the password without limit', async () => {
    const who = await stranger('gateway');
    const agent = new UserAgent(server.url);
    const link = await verifyLink(who.email);
    for (let index = 0; index < 5; index += 1)
      await agent.submit(await agent.open(link), { password: `wrong ${index}` });
    const locked = await agent.submit(await agent.open(link), { password: who.password });
    expect(locked.status).toBe(429);
  });
});
