import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type OtherProvider, startOtherProvider } from '../upstream/support/other-provider.ts';
import { isSignedIn, SECRET, signInBy, STANDALONE, upstreamsAt } from '../upstream/support/sign-in.ts';
import { type Call, callAs, idOf, itemsOf } from './support/operators.ts';

let provider: Provider;
let other: OtherProvider;
let owner: Call;
const setRoles = (person: Person, roles: string[]) =>
  provider.operator.accounts.update(person.id, { roles: ['user', ...roles] }, systemActor);
const lastAudit = async (type: string) => {
  const [row] = await provider.sql(
    'select details from audit_events where type = $1 order by at desc limit 1',
    [type],
  );
  return row?.['details'];
};

beforeAll(async () => {
  other = await startOtherProvider();
  provider = await startProvider({
    stores: 'PostgreSQL',
    env: SECRET,
    settings: { outbound: { allow: ['localhost'] }, upstreams: upstreamsAt(other) },
  });
  owner = await callAs(provider, 'owner');
});
beforeEach(() => other.reset());

/** A caller with a role of exactly these permissions. */
async function callWith(...permissions: string[]): Promise<Call> {
  const name = `role-${randomUUID().slice(0, 8)}`;
  await owner('POST', '/roles', { name, permissions });
  return callAs(provider, name);
}

describe('upstream providers', () => {
  const id = () => `up-${randomUUID().slice(0, 8)}`;
  const content = () => ({
    id: id(),
    name: 'Late',
    issuer: `${other.url}/oidc`,
    client_id: 'postern',
    client_secret: 'a secret of theirs',
  });
  const buttons = async () => (await new UserAgent(provider.url).open('/sign-in')).html;

  it('are created, changed, disabled and deleted under If-Match, and never show a secret', async () => {
    const wanted = { ...content(), name: 'Latecomer' };
    const made = await owner('POST', '/upstreams', wanted);
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: wanted.id,
        enabled: true,
        source: 'database',
        linked: 0,
        version: 1,
        redirect_uri: `${provider.url}/upstream/${wanted.id}/callback`,
      },
    });
    expect(made.headers.get('etag')).toBe('"1"');
    await until(async () => (await buttons()).includes('Latecomer'));
    expect(await owner('POST', '/upstreams', wanted)).toMatchObject({
      status: 409,
      body: { code: 'upstream_taken' },
    });

    const path = `/upstreams/${wanted.id}`;
    const changed = await owner('PATCH', path, { client_secret: 'another', scopes: ['openid'] });
    expect(changed).toMatchObject({ status: 200, body: { scopes: ['openid'], version: 2 } });
    expect(await lastAudit('upstream.updated')).toEqual({
      id: wanted.id,
      before: { scopes: null },
      after: { scopes: ['openid'] },
      secret: 'changed',
    });
    const late = await owner('PATCH', path, { name: 'X' }, { 'if-match': '"1"' });
    expect(late).toMatchObject({ status: 412, body: { current: { version: 2, name: 'Latecomer' } } });
    expect(await owner('PATCH', path, { scopes: null, enabled: false })).toMatchObject({
      status: 200,
      body: { scopes: null, enabled: false },
    });
    await until(async () => !(await buttons()).includes('Latecomer'));
    const everything = JSON.stringify([
      made.body,
      (await owner('GET', '/upstreams')).body,
      (await owner('GET', path)).body,
      await provider.sql("select details from audit_events where type like 'upstream.%'"),
      await provider.sql('select settings, secret::text from upstreams'),
    ]);
    expect(everything).not.toMatch(/a secret of theirs|another/);
    expect((await owner('DELETE', path)).status).toBe(204);
    expect((await owner('GET', path)).status).toBe(404);
  });

  it('must have answered before people can sign in through them', async () => {
    const broken = { ...content(), issuer: `${other.url}/nothing-here` };
    expect(await owner('POST', '/upstreams', broken)).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'issuer' }] },
    });
    const saved = await owner('POST', '/upstreams', { ...broken, enabled: false });
    expect(saved.status).toBe(201);
    expect(await owner('POST', `/upstreams/${broken.id}/test`)).toMatchObject({
      status: 200,
      body: { ok: false },
    });
    expect(await owner('PATCH', `/upstreams/${broken.id}`, { enabled: true })).toMatchObject({ status: 400 });
    const good = { issuer: `${other.url}/oidc`, enabled: true };
    expect(await owner('PATCH', `/upstreams/${broken.id}`, good)).toMatchObject({
      status: 200,
      body: { enabled: true },
    });
    expect(await owner('POST', `/upstreams/${broken.id}/test`)).toMatchObject({ body: { ok: true } });
  });

  it.each([
    ['neither issuer nor endpoints', { issuer: null }, 'issuer'],
    ['an invalid URL', { issuer: 'javascript:alert(1)' }, 'issuer'],
    ['no name', { name: ' ' }, 'name'],
    ['an id with a slash', { id: 'a/b' }, 'id'],
    ['no secret', { client_secret: '' }, 'client_secret'],
  ])('are refused with %s', async (_what, wrong, field) => {
    const refused = await owner('POST', '/upstreams', { ...content(), ...wrong });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });

  it('from the configuration can only be changed there', async () => {
    const { body } = await owner('GET', '/upstreams/odd');
    expect(body).toMatchObject({ source: 'configuration', version: 1 });
    for (const method of ['PATCH', 'DELETE'])
      expect(
        await owner(method, '/upstreams/odd', method === 'PATCH' ? { name: 'X' } : undefined),
      ).toMatchObject({ status: 409, body: { code: 'configured' } });
  });

  it('cannot be deleted while accounts are linked, and never make anybody an owner', async () => {
    const wanted = { ...content(), trust_email: true };
    await owner('POST', '/upstreams', wanted);
    await until(async () => (await buttons()).includes(`with=${wanted.id}`));
    const email = `${wanted.id}@example.test`;
    other.who = { sub: wanted.id, email, email_verified: true };
    const agent = new UserAgent(provider.url);
    await signInBy(agent, `${STANDALONE}${wanted.id}`);
    expect(await isSignedIn(agent)).toBe(true);
    const path = `/upstreams/${wanted.id}`;
    expect(await owner('GET', path)).toMatchObject({ body: { linked: 1, linked_capped: false } });
    expect(await owner('DELETE', path)).toMatchObject({ status: 409, body: { code: 'in_use' } });
    const linked = await owner('GET', `${path}/users`);
    expect(linked).toMatchObject({
      status: 200,
      body: { items: [{ email, subject: wanted.id, last_used_at: null }], next_cursor: null },
    });
    const half = await callWith('upstreams:read');
    expect(await half('GET', `${path}/users`)).toMatchObject({ status: 403 });
    expect(await owner('GET', '/upstreams/nobody/users')).toMatchObject({ status: 404 });
    expect(await owner('GET', `${path}/users?cursor=wrong`)).toMatchObject({ status: 400 });
    await provider.sql("update users set roles = '{user,owner}' where email = $1", [email]);
    const weaker = await callAs(provider, 'administrator');
    expect(await weaker('PATCH', path, { name: 'Harmless' })).toMatchObject({ status: 200 });
    for (const change of [{ client_secret: 'mine' }, { claims: { subject: 'login' } }, { client_id: 'mine' }])
      expect(await weaker('PATCH', path, change)).toMatchObject({
        status: 403,
        body: { code: 'stronger_operator' },
      });
    await provider.sql('delete from upstreams where id = $1', [wanted.id]);
    expect(await weaker('POST', '/upstreams', wanted)).toMatchObject({ status: 403 });
    await provider.sql("update users set roles = '{user}' where email = $1", [email]);
  });

  it('are changed by one of two parallel requests', async () => {
    const wanted = { ...content(), enabled: false };
    await owner('POST', '/upstreams', wanted);
    const answers = await Promise.all(
      ['One', 'Two'].map((name) =>
        owner('PATCH', `/upstreams/${wanted.id}`, { name }, { 'if-match': '"1"' }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 412]));
  });

  it('can be managed by the command', async () => {
    const { id: made } = content();
    await owner('POST', '/upstreams', { ...content(), id: made });
    const cli = (...args: string[]) => runCli(['upstream', ...args, '--json'], { env: provider.postern.env });
    expect(JSON.parse((await cli('update', made, '--name', 'Renamed')).stdout)).toMatchObject({
      name: 'Renamed',
      version: 2,
    });
    expect(JSON.parse((await cli('disable', made)).stdout)).toMatchObject({ enabled: false });
  });
});

describe('API keys', () => {
  it('are created, paged and revoked, and the key is shown once', async () => {
    const expires = new Date(Date.now() + 86_400_000).toISOString();
    const made = await owner('POST', '/api-keys', {
      name: 'nightly',
      permissions: ['users:read'],
      expires_at: expires,
    });
    expect(made).toMatchObject({
      status: 201,
      body: { name: 'nightly', permissions: ['users:read'], account_id: null, expires_at: expires },
    });
    expect(made.body['api_key']).toMatch(/^ptn_/);
    await owner('POST', '/api-keys', { name: 'other' });
    const first = await owner('GET', '/api-keys?limit=1&kind=program');
    expect(itemsOf(first)).toMatchObject([{ name: 'other' }]);
    const cursor = encodeURIComponent(String(first.body['next_cursor']));
    const next = await owner('GET', `/api-keys?limit=1&kind=program&cursor=${cursor}`);
    expect(itemsOf(next)).toMatchObject([{ id: idOf(made) }]);
    expect(await owner('GET', `/api-keys?limit=1&kind=account&cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    });
    expect(JSON.stringify(next.body)).not.toContain(made.body['api_key']);
    expect((await owner('DELETE', `/api-keys/${idOf(made)}`)).status).toBe(204);
    for (const id of [idOf(made), 'nonsense', randomUUID()])
      expect(await owner('DELETE', `/api-keys/${id}`)).toMatchObject({ status: 404 });
  });

  it('are changed without a new key, by operators who hold their permissions', async () => {
    const made = await owner('POST', '/api-keys', { name: 'before', permissions: ['users:write'] });
    const path = `/api-keys/${idOf(made)}`;
    const changes = { name: 'after', permissions: ['users:read'], expires_at: '2100-01-01T00:00:00.000Z' };
    const few = await callWith('api-keys:write', 'users:read');
    expect(await few('PATCH', path, changes)).toMatchObject({
      status: 403,
      body: { code: 'permission_not_held' },
    });
    expect(await owner('PATCH', path, changes)).toMatchObject({ status: 200, body: changes });
    expect(await few('PATCH', path, { permissions: ['users:write'] })).toMatchObject({ status: 403 });
    for (const wrong of [
      { permissions: ['profile:read'] },
      { expires_at: '2020-01-01T00:00:00Z' },
      { name: '' },
    ])
      expect(await owner('PATCH', path, wrong)).toMatchObject({ status: 400 });
    expect(itemsOf(await owner('GET', '/audit?type=api_key.updated&limit=1'))[0]).toMatchObject({
      before: { name: 'before', permissions: ['users:write'], expires_at: null },
      after: changes,
    });
    const { stdout } = await runCli(['api-key', 'update', idOf(made), '--without-end', '--json'], {
      env: provider.postern.env,
    });
    expect(JSON.parse(stdout)).toMatchObject({ name: 'after', expires_at: null });
    expect(await owner('PATCH', `/api-keys/${randomUUID()}`, {})).toMatchObject({ status: 404 });
  });

  it('have no more permissions than their creator', async () => {
    const call = await callWith('api-keys:write', 'users:read');
    expect(await call('POST', '/api-keys', { name: 'x', permissions: ['users:read'] })).toMatchObject({
      status: 201,
    });
    for (const body of [{ name: 'x' }, { name: 'x', permissions: ['users:write'] }])
      expect(await call('POST', '/api-keys', body)).toMatchObject({
        status: 403,
        body: { code: 'permission_not_held' },
      });
    const person = await provider.createPerson();
    const own = { name: 'theirs', account_id: person.id };
    expect(await call('POST', '/api-keys', { ...own, permissions: ['users:read'] })).toMatchObject({
      status: 400,
    });
    expect(await call('POST', '/api-keys', { ...own, account_id: randomUUID() })).toMatchObject({
      status: 404,
    });
    await setRoles(person, ['owner']);
    expect(await call('POST', '/api-keys', own)).toMatchObject({ body: { code: 'stronger_operator' } });
    const theirs = await owner('POST', '/api-keys', own);
    expect(theirs.status).toBe(201);
    expect(await call('DELETE', `/api-keys/${idOf(theirs)}`)).toMatchObject({ status: 403 });
    expect(
      await call('POST', '/api-keys', {
        name: 'x',
        permissions: ['users:read'],
        expires_at: '2020-01-01T00:00:00Z',
      }),
    ).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'expires_at' }] },
    });
  });
});

describe('registration tokens', () => {
  it('are created, listed and revoked', async () => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const made = await owner('POST', '/registration-tokens', { policy: 'default', expires_at });
    expect(made).toMatchObject({ status: 201, body: { policy: 'default' } });
    expect(await owner('GET', `/registration-tokens/${idOf(made)}`)).toMatchObject({
      status: 200,
      body: { id: idOf(made) },
    });
    expect((await owner('GET', '/registration-tokens/none')).status).toBe(404);
    const listed = await owner('GET', '/registration-tokens');
    expect(itemsOf(listed)).toMatchObject([{ id: idOf(made) }]);
    expect(JSON.stringify(listed.body)).not.toContain(made.body['token']);
    for (const wrong of [
      { policy: 'none', expires_at },
      { policy: 'default', expires_at: '2020-01-01T00:00:00Z' },
    ])
      expect((await owner('POST', '/registration-tokens', wrong)).status).toBe(400);
    expect((await owner('DELETE', `/registration-tokens/${idOf(made)}`)).status).toBe(204);
    expect((await owner('DELETE', `/registration-tokens/${idOf(made)}`)).status).toBe(404);
  });
});

describe('signing keys', () => {
  const states = async () => Map.groupBy(itemsOf(await owner('GET', '/keys')), ({ state }) => state);
  const published = async () => {
    const reply = await fetch(`${provider.url}/oauth2/jwks`);
    return ((await reply.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const retire = (kid: unknown, body?: object) => owner('POST', `/keys/${String(kid)}/retire`, body);

  it('are rotated, and retired early only by force', async () => {
    const [active] = (await states()).get('active')!;
    expect(active).toMatchObject({ state: 'active', expires_at: null, age: expect.any(Number) });
    expect(await retire(active!['kid'], { force: true })).toMatchObject({
      status: 409,
      body: { code: 'in_use', detail: expect.stringContaining('rotate first') },
    });
    const made = itemsOf(await owner('POST', '/keys/rotate'));
    expect(made.every(({ state }) => state === 'next')).toBe(true);
    const next = made.find(({ alg }) => alg === active!['alg']);
    expect(await retire(active!['kid'])).toMatchObject({ status: 409, body: { code: 'in_use' } });
    expect(await retire(active!['kid'], { force: true, reason: 'it leaked' })).toMatchObject({
      status: 200,
      body: { kid: active!['kid'], breaks: expect.any(String), breaks_until: expect.any(String) },
    });
    expect(await lastAudit('key.retired')).toEqual({
      kid: active!['kid'],
      alg: active!['alg'],
      before: { state: 'signing' },
      reason: 'it leaked',
    });
    const left = (await states()).get('active')!.find(({ alg }) => alg === active!['alg']);
    expect(left).toMatchObject({ kid: next!['kid'], expires_at: null });
    await until(async () => !(await published()).includes(String(active!['kid'])));
    expect((await retire(active!['kid'], { force: true })).status).toBe(404);
    // The service account's token was signed by a remaining key, or it gets a new one.
    owner = await callAs(provider, 'owner');
  });

  it('that have signed nothing are retired without force, and the previous key signs on', async () => {
    const [made] = itemsOf(await owner('POST', '/keys/rotate'));
    expect(await retire(made!['kid'])).toMatchObject({ status: 200, body: { breaks: null } });
    const active = (await states()).get('active')!;
    expect(active.find(({ alg }) => alg === made!['alg'])).toMatchObject({ expires_at: null });
    const cli = await runCli(['key', 'retire', 'no-such-key', '--json'], { env: provider.postern.env });
    expect(cli).toMatchObject({ code: 1, stdout: expect.stringContaining('key_not_found') });
  });
});

it('each of these resources needs its permission', async () => {
  const nobody = await callWith('audit:read');
  const auditor = await callAs(provider, 'auditor');
  for (const path of ['/upstreams', '/api-keys', '/registration-tokens', '/keys']) {
    expect(await nobody('GET', path)).toMatchObject({ status: 403 });
    expect(await auditor('GET', path)).toMatchObject({ status: 200 });
  }
  const made = { name: 'x', client_id: 'x', client_secret: 'x', id: 'x', issuer: 'https://x.example' };
  const end = '2100-01-01T00:00:00Z';
  const writes: [string, string, unknown?][] = [
    ['POST', '/upstreams', made],
    ['PATCH', '/upstreams/odd', {}],
    ['DELETE', '/upstreams/odd'],
    ['POST', '/upstreams/odd/test'],
    ['POST', '/api-keys', { name: 'x' }],
    ['DELETE', `/api-keys/${randomUUID()}`],
    ['POST', '/registration-tokens', { policy: 'default', expires_at: end }],
    ['DELETE', '/registration-tokens/x'],
    ['POST', '/keys/rotate'],
    ['POST', '/keys/x/retire'],
  ];
  for (const [method, path, body] of writes)
    expect({ method, path, status: (await auditor(method, path, body)).status }).toEqual({
      method,
      path,
      status: 403,
    });
});
