import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { runCli } from '../support/postern.ts';
import { atOnce, post, signIn } from './support/flow.ts';
import { secondNode } from './support/proofs.ts';
import { type Provider, startProvider } from './support/provider.ts';
import { APP, asClient, metadataOf, type Registered, send } from './support/registration.ts';

describe('management of registered clients', () => {
  let provider: Provider;
  let token: string;
  let other: { url: string };
  beforeAll(async () => {
    provider = await startProvider();
    other = await secondNode(provider);
    const expiresAt = new Date(Date.now() + 3_600_000);
    ({ token } = await provider.operator.registrationTokens.create(
      { policy: 'default', expiresAt },
      systemActor,
    ));
  });
  const register = (metadata: unknown) =>
    send('POST', `${provider.url}/oauth2/register`, { bearer: token, body: metadata });
  let mine: Registered;
  const manage = (method: string, body?: unknown, bearer = mine.registration_access_token) =>
    send(method, mine.registration_client_uri, { bearer, ...(body === undefined ? {} : { body }) });
  const fresh = async () => {
    ({ body: mine } = await register({ ...APP, scope: 'openid email' }));
  };
  /** The update: what was read, with changes. */
  const updated = (changes: object = {}) => ({ ...metadataOf(mine), ...changes });

  it('returns the registration without the secret', async () => {
    await fresh();
    const { status, body } = await manage('GET');
    expect(status).toBe(200);
    expect(body).toMatchObject({ client_id: mine.client_id, client_name: 'An app', scope: 'openid email' });
    expect(body).not.toHaveProperty('client_secret');
    expect(JSON.stringify(body)).not.toContain('hash');
  });

  it('is allowed from any origin with a preflight, like registration', async () => {
    await fresh();
    const origin = 'https://inspector.example.test';
    for (const [url, methods] of [
      [`${provider.url}/oauth2/register`, 'POST'],
      [mine.registration_client_uri, 'GET, PUT, DELETE'],
    ] as const) {
      const asked = await fetch(url, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': methods.split(',')[0] ?? '' },
      });
      expect(asked.status).toBe(204);
      expect(asked.headers.get('access-control-allow-origin')).toBe('*');
      expect(asked.headers.get('access-control-allow-methods')).toBe(methods);
      expect(asked.headers.get('access-control-allow-headers')).toMatch(/authorization, content-type/i);
      expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
    }
    const read = await fetch(mine.registration_client_uri, {
      headers: { origin, authorization: `Bearer ${mine.registration_access_token}` },
    });
    const refused = await fetch(`${provider.url}/oauth2/register`, { method: 'POST', headers: { origin } });
    for (const reply of [read, refused]) expect(reply.headers.get('access-control-allow-origin')).toBe('*');
    expect([read.status, refused.status]).toEqual([200, 401]);
  });

  it('updates a client on every node with a new token, and keeps the secret', async () => {
    await fresh();
    const old = mine.registration_access_token;
    const changed = await manage('PUT', updated({ client_name: 'Another name' }));
    expect(changed).toMatchObject({ status: 200, body: { client_name: 'Another name' } });
    expect(changed.body.registration_access_token).not.toBe(old);
    expect((await manage('GET', undefined, old)).status).toBe(401);
    const after = changed.body.registration_access_token;
    expect((await manage('GET', undefined, after)).body).toMatchObject({ client_name: 'Another name' });
    const client = asClient(mine);
    for (const node of [provider, other]) {
      expect((await post(node, 'introspect', client, { token: 'none' })).status).toBe(200);
    }
    const { registration_access_token: _, ...withoutSecret } = updated() as Record<string, unknown>;
    delete withoutSecret['client_secret'];
    expect((await manage('PUT', withoutSecret, after)).status).toBe(200);
    expect((await post(provider, 'introspect', client, { token: 'none' })).status).toBe(200);
    const events = await provider.sql(
      `select actor_id from audit_events where type = 'client.updated' and client_id = $1`,
      [mine.client_id],
    );
    expect(events).toEqual([{ actor_id: mine.client_id }, { actor_id: mine.client_id }]);
  });

  it('issues a secret if a public client becomes confidential', async () => {
    ({ body: mine } = await register({ ...APP, token_endpoint_auth_method: 'none' }));
    const { body } = await manage('PUT', updated({ token_endpoint_auth_method: 'client_secret_basic' }));
    expect(body.client_secret).toMatch(/^[\w-]{43}$/);
    expect((await post(provider, 'introspect', asClient(body), { token: 'none' })).status).toBe(200);
  });

  it('cannot exceed the policy or remove what the operator set', async () => {
    await fresh();
    for (const more of [
      { grant_types: ['client_credentials'] },
      { scope: 'openid read' },
      { first_party: true },
      { redirect_uris: ['http://app.example.test/'] },
    ])
      expect((await manage('PUT', updated(more))).status).toBe(400);
    expect(
      await runCli(['client', 'update', mine.client_id, '--access-token-ttl', '60'], {
        env: provider.postern.env,
      }),
    ).toMatchObject({ code: 0 });
    let current = await manage('GET');
    while (current.body['access_token_ttl'] === undefined) current = await manage('GET');
    expect((await manage('PUT', updated())).body).toMatchObject({ access_token_ttl: 60 });
  });

  it.each<[string, () => unknown]>([
    ['another client_id', () => updated({ client_id: 'another' })],
    ['no client_id', () => updated({ client_id: undefined })],
    ['another secret', () => updated({ client_secret: 'another' })],
    ['an invalid secret', () => updated({ client_secret: { a: 1 } })],
    ['a registration access token', () => updated({ registration_access_token: 'a' })],
    ['a software statement', () => updated({ software_statement: 'a.b.c' })],
    ['a list', () => []],
  ])('refuses an update with %s', async (_, body) => {
    await fresh();
    expect((await manage('PUT', body())).status).toBe(400);
    expect((await manage('GET')).status).toBe(200);
  });

  it('refuses the hash of the secret as the secret', async () => {
    await fresh();
    const [row] = await provider.sql('select secret_hash from clients where id = $1', [mine.client_id]);
    const client_secret = String(row?.['secret_hash']);
    expect((await manage('PUT', updated({ client_secret }))).status).toBe(400);
  });

  it('accepts no other token, not even another client’s', async () => {
    await fresh();
    const { body: another } = await register(APP);
    for (const bearer of [token, 'made-up', another.registration_access_token]) {
      expect((await manage('GET', undefined, bearer)).status).toBe(401);
      expect((await manage('DELETE', undefined, bearer)).status).toBe(401);
    }
    expect((await manage('GET')).status).toBe(200);
  });

  it('deletes a client with all its tokens on every node', async () => {
    await fresh();
    const person = await provider.createPerson();
    const tokens = await signIn(provider, asClient(mine), person, {
      parameters: { scope: 'openid email' },
    });
    expect((await manage('DELETE')).status).toBe(204);
    expect((await manage('GET')).status).toBe(401);
    const info = await fetch(`${provider.url}/oauth2/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(info.status).toBe(401);
    expect(await provider.sql('select 1 from clients where id = $1', [mine.client_id])).toEqual([]);
  });

  it('of twenty parallel updates leaves one client and no failure', async () => {
    await fresh();
    const replies = await atOnce(20, (n) => manage('PUT', updated({ client_name: `Name ${n}` })));
    for (const { status } of replies) expect([200, 401]).toContain(status);
    expect(replies.some(({ status }) => status === 200)).toBe(true);
  });
});
