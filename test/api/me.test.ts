import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { generateSync } from 'otplib';
import { systemActor } from '../../src/core/actor.ts';
import { ME_SCOPES } from '../../src/oidc/tokens/me-scopes.ts';
import { type Letters, readLetters } from '../account/support/mail.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from '../oidc/support/device.ts';
import { authorizationUrl, introspect, refresh, signIn, userinfo } from '../oidc/support/flow.ts';
import { type Person, type Provider, startProvider, STORES } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { Authenticator } from '../support/authenticator.ts';
import { apiOf, type App, connect, send } from './support/client.ts';

const ALL = Object.keys(ME_SCOPES).join(' ');
const NEXT = 'an entirely new password';

describe.each(STORES)('with %s', (stores) => {
  let provider: Provider;
  let letters: Letters;
  beforeAll(async () => {
    provider = await startProvider({ stores });
    letters = readLetters(provider.postern);
  });

  const arrive = async (scope = ALL): Promise<{ person: Person; app: App }> => {
    const person = await provider.createPerson();
    return { person, app: await connect(provider, person, scope) };
  };

  test('the profile is read and changed, completely or not at all', async () => {
    const { person, app } = await arrive();
    const { body, headers } = await app.call('GET', '/me');
    expect(body).toMatchObject({
      id: person.id,
      username: person.username,
      email: person.email,
      email_verified: true,
      name: 'Ada Lovelace',
      given_name: null,
      roles: ['user'],
      has_password: true,
    });
    expect(headers.get('cache-control')).toBe('no-store');
    const changes = { name: 'Countess', given_name: 'Ada', username: null, locale: 'de' };
    const changed = await app.call('PATCH', '/me', changes);
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(changes)]);
    const other = await provider.createPerson();
    const taken = await app.call('PATCH', '/me', { name: 'Lost', username: other.username });
    expect([taken.status, taken.body]).toEqual([
      409,
      {
        type: 'urn:postern:problem:username_taken',
        title: 'This username is taken',
        status: 409,
        detail: 'This username is taken.',
        instance: `urn:uuid:${taken.headers.get('x-request-id')}`,
        code: 'username_taken',
        errors: [{ field: 'username', reason: 'username_taken', detail: 'This username is taken.' }],
      },
    ]);
    expect((await app.call('GET', '/me')).body['name']).toBe('Countess');
  });

  test('all standard claims are stored, granted by scope, and part of the export', async () => {
    const { app, person } = await arrive(`${ALL} profile email phone address`);
    const changes = {
      middle_name: 'King',
      nickname: 'Ada',
      profile: 'https://example.com/ada',
      picture: 'https://example.com/ada.png',
      website: 'https://example.com',
      gender: 'female',
      birthdate: '1815-12-10',
      zoneinfo: 'Europe/London',
      locale: 'en-GB',
    };
    const address = { street_address: '12 St James’s Square', postal_code: 'SW1Y 4JH', locality: 'London' };
    const sent = { ...changes, phone_number: '+44 20 7946 0958', address };
    const kept = { ...changes, phone_number: '+442079460958', phone_number_verified: false, address };
    const changed = await app.call('PATCH', '/me', sent);
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(kept)]);
    expect((await app.call('GET', '/me/data')).body['account']).toMatchObject(kept);

    const client = await provider.createClient();
    const claimsFor = async (scope: string) => {
      const tokens = await signIn(provider, client, person, { parameters: { scope } });
      const { body } = await userinfo(provider, tokens.access_token);
      const idToken = decodeJwt(tokens.id_token);
      expect(idToken).toMatchObject(body);
      return body;
    };
    const phone = { phone_number: '+442079460958', phone_number_verified: false };
    const formatted = '12 St James’s Square\nSW1Y 4JH London';
    expect(await claimsFor('openid profile')).toEqual({
      sub: person.id,
      name: 'Ada Lovelace',
      preferred_username: person.username,
      ...changes,
      updated_at: expect.any(Number),
    });
    expect(await claimsFor('openid phone')).toEqual({ sub: person.id, ...phone });
    expect(await claimsFor('openid address')).toEqual({ sub: person.id, address: { formatted, ...address } });

    const none = await app.call('PATCH', '/me', { address: null, phone_number: null, birthdate: null });
    expect(none.body).toMatchObject({ address: null, phone_number: null, birthdate: null, nickname: 'Ada' });
    expect(await claimsFor('openid phone address')).toEqual({ sub: person.id });
  });

  test('invalid profile values are refused with a reason', async () => {
    const { app } = await arrive('me:profile:read me:profile:write');
    for (const [changes, field] of [
      [{ birthdate: '10.12.1815' }, 'birthdate'],
      [{ zoneinfo: 'London' }, 'zoneinfo'],
      [{ picture: 'http://example.com/ada.png' }, 'picture'],
      [{ phone_number: '020 7946 0958' }, 'phone_number'],
      [{ address: { country: 'x'.repeat(201) } }, 'address.country'],
      [{ address: { formatted: 'London' } }, 'address.formatted'],
      [{ phone_number_verified: true }, 'phone_number_verified'],
    ] as const) {
      const { status, body } = await app.call('PATCH', '/me', { nickname: 'Lost', ...changes });
      const errors = [expect.objectContaining({ field, detail: expect.any(String) })];
      expect([status, body]).toEqual([400, expect.objectContaining({ errors })]);
    }
    expect((await app.call('GET', '/me')).body['nickname']).toBeNull();
  });

  test('a new address takes effect once its link was used', async () => {
    const { person, app } = await arrive();
    const next = `new-${person.email}`;
    expect((await app.call('POST', '/me/email', { email: next })).status).toBe(202);
    expect((await app.call('GET', '/me')).body['email']).toBe(person.email);
    expect((await letters.next(person.email)).subject).toBe('Your email address is about to change');
    const agent = new UserAgent(provider.url);
    const { password } = person;
    await agent.submit(await agent.open(await letters.link(next, '/verify-email')), { password });
    expect((await app.call('GET', '/me')).body['email']).toBe(next);
    expect((await app.call('POST', '/me/email/verification')).body).toEqual({ sent: false });
  });

  test('a new password ends every token, including the one that set it', async () => {
    const { person, app } = await arrive();
    const change = (current_password: string, new_password: string) =>
      app.call('POST', '/me/password', { current_password, new_password });
    expect(await change('wrong', NEXT)).toMatchObject({
      status: 400,
      body: { code: 'invalid_credentials', errors: [{ field: 'current_password' }] },
    });
    expect(await change(person.password, 'password')).toMatchObject({
      status: 400,
      body: { code: 'weak_password', errors: [{ field: 'new_password', reason: 'common' }] },
    });
    expect((await change(person.password, NEXT)).status).toBe(204);
    expect(await app.call('GET', '/me')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    expect((await refresh(provider, app.client, app.tokens.refresh_token)).status).toBe(400);
    await connect(provider, { ...person, password: NEXT }, 'me:profile:read');
  });

  test('an authenticator app is set up, renamed and removed, and brings recovery codes', async () => {
    const { person, app } = await arrive();
    const begun = await app.call('POST', '/me/factors/totp', { name: 'Phone' });
    expect([begun.status, begun.body]).toEqual([
      201,
      {
        id: expect.any(String),
        secret: expect.stringMatching(/^[A-Z2-7]+$/),
        uri: expect.stringContaining('otpauth://totp/'),
        expires_at: expect.any(String),
      },
    ]);
    const { id, secret } = begun.body as { id: string; secret: string };
    const confirmation = `/me/factors/totp/${id}/confirmation`;
    expect(await app.call('POST', confirmation, { code: '000000' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_credentials', errors: [{ field: 'code' }] },
    });
    const confirmed = await app.call('POST', confirmation, { code: generateSync({ secret }) });
    expect(confirmed).toMatchObject({ status: 200, body: { factor: { id, name: 'Phone' } } });
    expect(confirmed.body['recovery_codes']).toHaveLength(10);
    expect((await app.call('POST', confirmation, { code: generateSync({ secret }) })).status).toBe(404);
    expect((await letters.next(person.email)).subject).toBe('A way to sign in was added to your account');

    expect((await app.call('PATCH', `/me/factors/totp/${id}`, { name: 'Old phone' })).body).toMatchObject({
      name: 'Old phone',
    });
    expect((await app.call('GET', '/me/factors')).body).toMatchObject({
      totp: [{ id, name: 'Old phone' }],
      passkeys: [],
      recovery_codes_left: 10,
      required: false,
    });
    const codes = (await app.call('POST', '/me/factors/recovery-codes')).body['codes'] as string[];
    expect(codes).toHaveLength(10);
    expect(confirmed.body['recovery_codes']).not.toContain(codes[0]);
    expect((await app.call('GET', '/me/factors/recovery-codes')).body).toEqual({ left: 10 });
    expect((await app.call('DELETE', `/me/factors/totp/${id}`)).status).toBe(204);
    expect(await app.call('DELETE', `/me/factors/totp/${id}`)).toMatchObject({
      status: 404,
      body: { code: 'factor_not_found' },
    });
    const told = [await letters.next(person.email), await letters.next(person.email)];
    expect(told.map(({ subject }) => subject)).toContain('A way to sign in was removed from your account');
    expect((await app.call('GET', '/me/factors/recovery-codes')).body).toEqual({ left: 0 });
    expect((await app.call('POST', '/me/factors/recovery-codes')).status).toBe(404);
  });

  test('a passkey is added, renamed and removed', async () => {
    const { app } = await arrive();
    const authenticator = new Authenticator(provider.url);
    type Options = Parameters<Authenticator['create']>[0];
    const options = (await app.call('POST', '/me/factors/passkeys/options')).body as unknown as Options;
    const credential = authenticator.create(options);
    const added = await app.call('POST', '/me/factors/passkeys', { name: 'Laptop', credential });
    expect(added).toMatchObject({ status: 201, body: { factor: { name: 'Laptop' } } });
    expect(added.body['recovery_codes']).toHaveLength(10);
    expect(await app.call('POST', '/me/factors/passkeys', { name: 'Again', credential })).toMatchObject({
      status: 400,
      body: { code: 'invalid_passkey', detail: expect.stringContaining('used before') },
    });
    const { id } = added.body['factor'] as { id: string };
    const renamed = await app.call('PATCH', `/me/factors/passkeys/${id}`, { name: 'Old laptop' });
    expect(renamed.body).toMatchObject({ id, name: 'Old laptop', backed_up: true });
    expect((await app.call('DELETE', `/me/factors/passkeys/${id}`)).status).toBe(204);
    expect((await app.call('GET', '/me/factors')).body).toMatchObject({ passkeys: [] });
  });

  test('browser sessions are listed and ended, with their tokens', async () => {
    const { person, app } = await arrive();
    const elsewhere = await connect(provider, person, 'me:profile:read');
    const third = await connect(provider, person, 'me:profile:read');
    type Session = { id: string; current: boolean; client_ids: string[] };
    const list = async () => (await app.call('GET', '/me/sessions')).body['sessions'] as Session[];
    const sessions = await list();
    expect(sessions.map(({ current }) => current).filter(Boolean)).toEqual([true]);
    expect(sessions).toHaveLength(3);
    const one = sessions.find(({ client_ids }) => client_ids.includes(elsewhere.client.id));
    expect((await app.call('DELETE', `/me/sessions/${one?.id}`)).status).toBe(204);
    expect((await app.call('DELETE', `/me/sessions/${one?.id}`)).status).toBe(404);
    expect((await app.call('DELETE', '/me/sessions/%00')).status).toBe(404);
    expect((await elsewhere.call('GET', '/me')).status).toBe(401);
    expect((await third.call('GET', '/me')).status).toBe(200);
    expect((await app.call('DELETE', '/me/sessions')).body).toEqual({ ended: 1 });
    expect((await third.call('GET', '/me')).status).toBe(401);
    expect(await list()).toEqual([expect.objectContaining({ current: true })]);
  });

  test('a device signed in by a code is listed, recognizes itself, and can be ended', async () => {
    const { person, app } = await arrive();
    const client = await provider.createClient(DEVICE, { isPublic: true });
    const scope = 'openid offline_access me:sessions:read me:sessions:write';
    const codes = await beginDevice(provider, client, { scope, resource: apiOf(provider) });
    await approveDevice(provider, person, codes.user_code);
    const { body: tokens } = await pollDevice(provider, client, codes.device_code);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const device = (method: string, path: string) => send(provider, method, path, { headers });
    const { sessions } = (await device('GET', '/me/sessions')).body as { sessions: { id: string }[] };
    const shown = {
      id: expect.any(String),
      kind: 'device',
      browser: null,
      system: null,
      ip: '127.0.0.1',
      signed_in_at: expect.any(String),
      seen_at: expect.any(String),
      expires_at: expect.any(String),
      client_ids: [client.id],
      ends_with: null,
    };
    expect(sessions).toHaveLength(3);
    expect(sessions).toContainEqual({ ...shown, current: true });
    expect((await app.call('GET', '/me/data')).body['sessions']).toContainEqual(shown);
    const { id } = sessions.find((one) => 'current' in one && one.current) ?? {};
    const { app: stranger } = await arrive();
    expect((await stranger.call('DELETE', `/me/sessions/${id}`)).status).toBe(404);
    expect((await device('DELETE', '/me/sessions')).body).toEqual({ ended: 2 });
    expect((await app.call('GET', '/me')).status).toBe(401);
    expect((await device('DELETE', `/me/sessions/${id}`)).status).toBe(204);
    expect((await device('GET', '/me/sessions')).status).toBe(401);
    expect((await refresh(provider, client, tokens.refresh_token)).status).toBe(400);
    expect(await provider.sql('select from device_sign_ins where id = $1', [id])).toEqual([]);
  });

  test('an app is listed with its permissions and loses them at once', async () => {
    const { person, app } = await arrive();
    const parameters = { scope: 'openid email offline_access', prompt: 'consent' };
    const client = await provider.createClient();
    const tokens = await signIn(provider, client, person, { parameters });
    const { apps } = (await app.call('GET', '/me/apps')).body as { apps: { client_id: string }[] };
    expect(apps.find(({ client_id }) => client_id === client.id)).toMatchObject({
      name: 'Test client',
      scopes: expect.arrayContaining(['openid', 'email']),
      resources: [],
    });
    expect(apps.find(({ client_id }) => client_id === app.client.id)).toMatchObject({
      resources: [{ identifier: apiOf(provider), scopes: expect.arrayContaining(['me:delete']) }],
    });
    expect((await app.call('DELETE', `/me/apps/${client.id}`)).status).toBe(204);
    expect((await app.call('DELETE', `/me/apps/${client.id}`)).status).toBe(404);
    expect((await introspect(provider, client, tokens.access_token)).body).toEqual({ active: false });
    expect((await introspect(provider, client, tokens.refresh_token)).body).toEqual({ active: false });
    expect((await app.call('DELETE', `/me/apps/${app.client.id}`)).status).toBe(204);
    expect((await app.call('GET', '/me')).status).toBe(401);
  });

  test('API keys are listed and revoked', async () => {
    const { person, app } = await arrive();
    const { record } = await provider.operator.apiKeys.create(
      { name: 'Laptop', accountId: person.id },
      systemActor,
    );
    const { body } = await app.call('GET', '/me/api-keys');
    expect(body['api_keys']).toMatchObject([{ id: record.id, prefix: record.prefix, last_used_at: null }]);
    expect((await app.call('GET', '/me/data')).body).toMatchObject(body);
    const { app: other } = await arrive();
    expect((await other.call('DELETE', `/me/api-keys/${record.id}`)).status).toBe(404);
    expect((await app.call('DELETE', `/me/api-keys/${record.id}`)).status).toBe(204);
    expect((await app.call('DELETE', `/me/api-keys/${record.id}`)).status).toBe(404);
    expect((await app.call('GET', '/me/api-keys')).body).toEqual({ api_keys: [] });
  });

  test('the history is paged, and all data can be downloaded', async () => {
    const { person, app } = await arrive();
    for (const name of ['One', 'Two', 'Three']) await app.call('PATCH', '/me', { name });
    const all = (await app.call('GET', '/me/events')).body['events'] as { id: string; type: string }[];
    expect(all.map(({ type }) => type)).toEqual(expect.arrayContaining(['login', 'consent.granted']));
    expect(all[0]).toMatchObject({ type: 'user.updated', outcome: 'success', door: 'api' });
    const seen: string[] = [];
    let query = '?limit=2';
    for (;;) {
      const { events, next_cursor } = (await app.call('GET', `/me/events${query}`)).body as {
        events: { id: string }[];
        next_cursor: string | null;
      };
      seen.push(...events.map(({ id }) => id));
      if (next_cursor === null) break;
      query = `?limit=2&cursor=${next_cursor}`;
    }
    expect(seen).toEqual(all.map(({ id }) => id));
    const { body } = await app.call('GET', '/me/data');
    expect(body).toMatchObject({
      account: { id: person.id, email: person.email },
      sessions: [{ client_ids: [app.client.id] }],
    });
    expect(JSON.stringify(body)).not.toMatch(/hash|secret/i);
  });

  test('an account is deleted, with all its sessions and tokens', async () => {
    const { person, app } = await arrive();
    expect((await app.call('DELETE', '/me')).status).toBe(204);
    expect(await provider.operator.accounts.find(person.id)).toBeNull();
    expect((await app.call('GET', '/me')).status).toBe(401);
    const deleted = await provider.audited('user.deleted', person.id);
    expect(deleted).toMatchObject({ door: 'api', actor_kind: 'user', actor_id: person.id });
  });

  test('the consent page describes the scopes in plain words, in four languages', async () => {
    const person = await provider.createPerson();
    const client = await provider.createClient({}, { isPublic: true });
    const parameters = { scope: 'openid me:profile:read me:delete', resource: apiOf(provider) };
    const agent = new UserAgent(provider.url);
    const start = await agent.open(authorizationUrl(provider, client, parameters));
    const { email: identifier, password } = person;
    const consent = await agent.submit(start, { identifier, password }, '/sign-in');
    for (const [language, words] of [
      ['en', 'Delete your account'],
      ['de', 'Ihr Konto löschen'],
      ['es', 'Eliminar tu cuenta'],
      ['zh', '删除您的账号'],
    ] as const) {
      const { html } = await agent.open(consent.url, { 'accept-language': language });
      expect(html).toContain(words);
      expect(html).not.toContain('me:delete');
    }
  });

  test('a request without the needed scope is refused, naming the scope', async () => {
    const { app } = await arrive('me:profile:read');
    for (const [method, path, scope] of [
      ['PATCH', '/me', 'me:profile:write'],
      ['DELETE', '/me', 'me:delete'],
      ['POST', '/me/password', 'me:security:write'],
      ['GET', '/me/sessions', 'me:sessions:read'],
      ['GET', '/me/api-keys', 'me:apps:read'],
      ['DELETE', '/me/api-keys/x', 'me:apps:write'],
    ] as const) {
      const refused = await app.call(method, path);
      expect([refused.status, refused.body['code']]).toEqual([403, 'insufficient_scope']);
      expect(refused.headers.get('content-type')).toBe('application/problem+json');
      expect(refused.headers.get('www-authenticate')).toBe(
        `Bearer error="insufficient_scope", scope="${scope}"`,
      );
    }
    expect((await send(provider, 'GET', '/me')).status).toBe(401);
  });
});
