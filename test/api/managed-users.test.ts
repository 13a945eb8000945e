import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { signIn } from '../oidc/support/flow.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { type App, apiOf, connect } from './support/client.ts';
import { type Call, callAs, idOf, itemsOf, ownToken, serviceAccount } from './support/operators.ts';

let provider: Provider;
let owner: Call;
let support: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  [owner, support] = await Promise.all([callAs(provider, 'owner'), callAs(provider, 'support')]);
});

const address = () => `u-${randomUUID().slice(0, 12)}@example.test`;
const create = async (body: object = {}, call = owner) =>
  call('POST', '/users', { email: address(), password: 'three unrelated words', ...body });
const eventsOf = async (id: string) =>
  provider.sql('select type, outcome, details from audit_events where subject = $1 order by at desc', [id]);
const person = async (...roles: string[]): Promise<Person> => {
  const one = await provider.createPerson();
  if (roles.length > 0)
    await provider.operator.accounts.update(one.id, { roles: ['user', ...roles] }, systemActor);
  return one;
};

describe('a managed account', () => {
  it('is created, read, changed by a merge patch under If-Match, and deleted', async () => {
    const email = address();
    const made = await owner('POST', '/users', {
      email,
      password: 'three unrelated words',
      email_verified: true,
      name: 'Ann Lee',
      address: { locality: 'Springfield', country: 'USA' },
      roles: ['user', 'auditor'],
    });
    expect(made).toMatchObject({
      status: 201,
      body: { email, email_verified: true, name: 'Ann Lee', roles: ['auditor', 'user'], deletes_at: null },
    });
    const path = `/users/${idOf(made)}`;
    expect(made.headers.get('location')).toBe(`/api/v2${path}`);
    const stale = { 'If-Match': made.headers.get('etag') ?? '' };
    const changed = await owner('PATCH', path, { name: null, address: { locality: 'Shelbyville' } }, stale);
    expect(changed).toMatchObject({
      status: 200,
      body: { name: null, address: { locality: 'Shelbyville', country: 'USA' }, email },
    });
    const [event] = await eventsOf(idOf(made));
    expect(event).toMatchObject({
      type: 'user.updated',
      details: { before: { name: 'Ann Lee' }, after: { name: null } },
    });
    expect(await owner('PATCH', path, { name: 'x' }, stale)).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed', current: { name: null } },
    });
    // An unchanged value is no change.
    const same = await owner('PATCH', path, { name: null });
    expect(same.headers.get('etag')).toBe(changed.headers.get('etag'));
    for (const [body, field] of [
      [{ colour: 'red' }, 'colour'],
      [{ email: 'nobody' }, 'email'],
      [{ birthdate: 'soon' }, 'birthdate'],
      [{ deletes_at: '2030-01-01T00:00:00Z' }, 'deletes_at'],
    ] as const)
      expect(await owner('PATCH', path, body)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    expect(await create({ email })).toMatchObject({ status: 409, body: { code: 'email_taken' } });
    expect(await create({ password: 'short' })).toMatchObject({
      status: 400,
      body: { code: 'weak_password', errors: [{ field: 'password' }] },
    });
    expect((await owner('DELETE', path)).status).toBe(204);
    expect((await owner('GET', path)).status).toBe(404);
    expect((await owner('DELETE', path)).status).toBe(404);
  });
  it('is deleted after some days unless the deletion is cancelled', async () => {
    const [first, second] = [await person(), await person()];
    const due = await owner('DELETE', `/users/${first.id}?after_days=7&reason=left`);
    expect(due.status).toBe(202);
    expect(Date.parse(String(due.body['deletes_at']))).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    expect(await owner('GET', `/users/${first.id}`)).toMatchObject({
      body: { status: 'suspended', deletes_at: due.body['deletes_at'] },
    });
    expect((await eventsOf(first.id))[0]).toMatchObject({
      type: 'user.deletion_scheduled',
      details: { reason: 'left' },
    });
    expect(await owner('PATCH', `/users/${first.id}`, { deletes_at: null })).toMatchObject({
      body: { status: 'active', deletes_at: null },
    });
    await owner('POST', `/users/${second.id}/suspend`);
    await owner('DELETE', `/users/${second.id}?after_days=1`);
    // Without permission to delete, cancelling a deletion is refused.
    expect(await support('POST', `/users/${second.id}/reactivate`)).toMatchObject({ status: 403 });
    expect(await owner('PATCH', `/users/${second.id}`, { deletes_at: null })).toMatchObject({
      body: { status: 'suspended', deletes_at: null },
    });
    await owner('DELETE', `/users/${second.id}?after_days=1`);
    await provider.sql("update users set deletes_at = now() - interval '1 second' where id = $1", [
      second.id,
    ]);
    await provider.operator.sweep();
    expect((await owner('GET', `/users/${second.id}`)).status).toBe(404);
    expect((await owner('GET', `/users/${first.id}`)).status).toBe(200);
    expect((await owner('DELETE', `/users/${first.id}?after_days=soon`)).status).toBe(400);
  });
  it('is invited by mail, repeatedly, until it has a password', async () => {
    const made = await create({ password: undefined, invite: true });
    expect(made).toMatchObject({ status: 201, body: { has_password: false } });
    expect((await owner('POST', `/users/${idOf(made)}/invite`)).status).toBe(200);
    expect((await eventsOf(idOf(made))).map(({ type }) => type)).toEqual([
      'user.invited',
      'user.invited',
      'user.created',
    ]);
    expect(await provider.sql("select from outbox where cause like 'invitation:%'")).toHaveLength(2);
    expect(await owner('POST', `/users/${(await person()).id}/invite`)).toMatchObject({ status: 400 });
    expect(await create({ invite: true })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'invite' }] },
    });
  });
  it('is suspended, reactivated, unlocked, verified and given another password', async () => {
    const { id } = await person();
    const act = (name: string, body?: object) => support('POST', `/users/${id}/${name}`, body);
    for (const name of ['suspend', 'suspend'])
      expect(await act(name, { reason: 'asked for' })).toMatchObject({
        status: 200,
        body: { id, status: 'suspended' },
      });
    expect((await eventsOf(id)).filter(({ type }) => type === 'user.suspended')).toEqual([
      {
        type: 'user.suspended',
        outcome: 'success',
        details: { before: { status: 'active' }, after: { status: 'suspended' }, reason: 'asked for' },
      },
    ]);
    for (const name of ['password/reset', 'invite'])
      expect(await act(name)).toMatchObject({ status: 403, body: { code: 'account_suspended' } });
    expect(await act('reactivate')).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(await act('unlock')).toMatchObject({ status: 200, body: { id } });
    await support('PATCH', `/users/${id}`, { email_verified: false });
    expect(await act('email/verification')).toMatchObject({ body: { email_verified: false } });
    expect(await act('email/verification', { verified: true })).toMatchObject({
      body: { email_verified: true },
    });
    expect(await act('password/reset')).toMatchObject({ status: 200 });
    expect(await act('password/reset', { force: true })).toMatchObject({
      body: { password_change_required: true },
    });
    expect(await act('password/reset', { password: 'four rather unrelated words' })).toMatchObject({
      body: { password_change_required: false },
    });
    expect((await eventsOf(id)).map(({ type }) => type).slice(0, 6)).toEqual([
      'password.changed',
      'password.change_required',
      'password.reset_requested',
      'user.updated',
      'email.verification_requested',
      'user.updated',
    ]);
    expect((await owner('POST', `/users/${randomUUID()}/suspend`)).status).toBe(404);
  });
});

describe('what opens an account or acts for it:', () => {
  let one: Person;
  let app: App;
  beforeAll(async () => {
    one = await person();
    app = await connect(provider, one, 'me:profile:read');
  });
  it('sessions and apps are listed and ended', async () => {
    const path = `/users/${one.id}`;
    const sessions = itemsOf(await support('GET', `${path}/sessions`));
    expect(sessions).toMatchObject([{ kind: 'browser', client_ids: [app.client.id] }]);
    const all = await support('GET', '/sessions?limit=100');
    expect(itemsOf(all).find(({ id }) => id === sessions[0]?.['id'])).toMatchObject({
      user: { id: one.id, email: one.email },
    });
    expect(itemsOf(await support('GET', `${path}/apps`))).toMatchObject([{ client_id: app.client.id }]);
    expect((await support('DELETE', `${path}/apps/${app.client.id}`)).status).toBe(204);
    expect((await support('DELETE', `${path}/apps/${app.client.id}`)).status).toBe(404);
    expect((await app.call('GET', '/me')).status).toBe(401);
    expect((await support('DELETE', `${path}/sessions/${String(sessions[0]?.['id'])}`)).status).toBe(204);
    expect((await support('DELETE', `${path}/sessions/none`)).status).toBe(404);
    await signIn(provider, app.client, one, { parameters: { resource: apiOf(provider) } });
    await signIn(provider, app.client, one, { parameters: { resource: apiOf(provider) } });
    expect(await support('DELETE', `${path}/sessions`)).toMatchObject({ status: 200, body: { ended: 2 } });
    expect(itemsOf(await support('GET', `${path}/sessions`))).toEqual([]);
    expect(await support('DELETE', `${path}/apps`)).toMatchObject({ status: 200 });
  });

  it('the sessions of all accounts are paged', async () => {
    await signIn(provider, app.client, await person());
    await signIn(provider, app.client, await person());
    const first = await support('GET', '/sessions?limit=1');
    const second = await support('GET', `/sessions?limit=1&cursor=${String(first.body['next_cursor'])}`);
    expect(itemsOf(first)[0]?.['id']).not.toBe(itemsOf(second)[0]?.['id']);
    expect(await support('GET', '/sessions?cursor=x')).toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    });
  });

  it('factors are listed and removed', async () => {
    const path = `/users/${one.id}`;
    const add = async () => {
      const { id, secret: _secret } = await provider.operator.mfa.totp.begin(one.id, 'Phone');
      await provider.sql('update totp_authenticators set expires_at = null where id = $1', [id]);
      return id;
    };
    const [first] = [await add(), await add()];
    await provider.sql("insert into recovery_codes (account_id, hash) values ($1, 'x')", [one.id]);
    const listed = await support('GET', `${path}/factors`);
    expect(itemsOf(listed).map(({ kind }) => kind)).toEqual(['totp', 'totp', 'recovery_codes']);
    expect(listed.body).toMatchObject({ required: false, recovery_codes_left: 1 });
    expect((await support('DELETE', `${path}/factors/${first}`)).status).toBe(204);
    expect((await support('DELETE', `${path}/factors/${first}`)).status).toBe(404);
    expect((await support('DELETE', `${path}/factors/recovery_codes`)).status).toBe(204);
    expect(await support('DELETE', `${path}/factors`)).toMatchObject({ body: { removed: 1 } });
    expect(itemsOf(await support('GET', `${path}/factors`))).toEqual([]);
    expect((await support('DELETE', `${path}/identities/${randomUUID()}`)).status).toBe(404);
    expect(itemsOf(await support('GET', `${path}/identities`))).toEqual([]);
  });

  it('history is paged, and data exported with the permission', async () => {
    const path = `/users/${one.id}`;
    const first = await support('GET', `${path}/events?limit=2`);
    const cursor = String(first.body['next_cursor']);
    const second = await support('GET', `${path}/events?limit=2&cursor=${cursor}`);
    expect(itemsOf(first)[0]).toMatchObject({ type: 'factor.removed', outcome: 'success' });
    expect(itemsOf(second)[0]?.['id']).not.toBe(itemsOf(first)[0]?.['id']);
    expect(await support('GET', `/users/${(await person()).id}/events?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    });
    expect((await support('GET', `${path}/data`)).status).toBe(403);
    expect(await owner('GET', `${path}/data`)).toMatchObject({
      status: 200,
      body: { account: { id: one.id }, sessions: [], api_keys: [] },
    });
    expect((await eventsOf(one.id))[0]).toMatchObject({ type: 'users.exported' });
  });
});

describe('an export of accounts', () => {
  it('streams lines of JSON or CSV without spreadsheet formulas', async () => {
    const tag = randomUUID().slice(0, 8);
    const hostile = ['=1+1', '+cmd', '-2', '@sum', 'a"b,c'];
    for (const [index, name] of hostile.entries())
      await create({ email: `x${index}-${tag}@example.test`, name, password: undefined });
    const { body } = await ownToken(provider, await serviceAccount(provider, 'owner'), 'users:export');
    const get = (format: string) =>
      fetch(`${apiOf(provider)}/users/export?search=${tag}&format=${format}`, {
        headers: { authorization: `Bearer ${body['access_token'] ?? ''}` },
      });
    const csv = await get('csv');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    const [heading = '', ...lines] = (await csv.text()).trimEnd().split('\r\n');
    const column = heading.split(',').indexOf('name');
    expect(lines.slice(0, 4).map((line) => line.split(',')[column])).toEqual(
      hostile.slice(0, 4).map((name) => `'${name}`),
    );
    expect(lines[4]).toContain('"a""b,c"');
    const rows = (await (await get('ndjson')).text()).trimEnd().split('\n');
    expect(rows.map((row) => (JSON.parse(row) as { name: string }).name)).toEqual(hostile);
    expect(
      await provider.sql(
        "select details from audit_events where type = 'users.exported' and subject is null",
      ),
    ).toHaveLength(2);
    expect((await support('GET', '/users/export')).status).toBe(403);
    expect((await owner('GET', '/users/export?format=xml')).status).toBe(400);
    expect(
      (await owner('POST', '/bulk', { operations: [{ id: '1', method: 'GET', path: '/users/export' }] }))
        .body,
    ).toMatchObject({ results: [{ status: 404 }] });
  });
});

describe('privilege escalation', () => {
  const refusals = async () =>
    (await provider.sql("select from audit_events where type = 'operator.refused'")).length;

  it('is refused to support against stronger operators, and audited', async () => {
    const administrator = await person('administrator');
    const contracts = await person('admin');
    for (const { id } of [administrator, contracts]) {
      const path = `/users/${id}`;
      const tries: [string, string, object?][] = [
        ['POST', `${path}/suspend`],
        ['POST', `${path}/reactivate`],
        ['POST', `${path}/invite`],
        ['POST', `${path}/email/verification`, { verified: true }],
        ['POST', `${path}/password/reset`],
        ['POST', `${path}/password/reset`, { password: 'three unrelated words' }],
        ['PATCH', path, { email: address() }],
        ['PATCH', path, { email_verified: true }],
        ['DELETE', `${path}/factors`],
        ['DELETE', `${path}/factors/recovery_codes`],
        ['DELETE', `${path}/identities/${randomUUID()}`],
        ['DELETE', `${path}/sessions`],
        ['DELETE', `${path}/sessions/some`],
        ['DELETE', `${path}/apps`],
        ['DELETE', `${path}/apps/some`],
      ];
      const before = await refusals();
      for (const [method, target, body] of tries)
        expect([target, await support(method, target, body)]).toMatchObject([
          target,
          { status: 403, body: { code: 'stronger_operator' } },
        ]);
      expect(await refusals()).toBe(before + tries.length);
      expect(await support('DELETE', path)).toMatchObject({
        status: 403,
        body: { code: 'insufficient_scope' },
      });
      expect((await support('PATCH', path, { name: 'Somebody' })).status).toBe(200);
    }
    expect(await support('POST', '/users', { email: address(), roles: ['administrator'] })).toMatchObject({
      status: 403,
      body: { code: 'insufficient_scope' },
    });
  });

  it('is refused against oneself', async () => {
    const one = await person('administrator');
    const client = await provider.createClient({ scope: 'openid users:read users:write users:delete' });
    const { call } = await connect(provider, one, 'users:read users:write users:delete', { client });
    for (const [method, path] of [
      ['POST', `/users/${one.id}/suspend`],
      ['DELETE', `/users/${one.id.toUpperCase()}`],
      ['DELETE', `/users/${one.id}?after_days=7`],
    ] as const)
      expect(await call(method, path)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('leaves one owner if two remove each other in parallel', async () => {
    const all = () =>
      provider.sql("update users set roles = array_remove(roles, 'owner') where 'owner' = any(roles)");
    for (const gone of [
      (id: string) => owner('POST', `/users/${id}/suspend`),
      (id: string) => owner('DELETE', `/users/${id}`),
      (id: string) => owner('DELETE', `/users/${id}?after_days=1`),
      (id: string) => owner('DELETE', `/users/${id}/factors`),
    ]) {
      await all();
      const owners = [await person('owner'), await person('owner')];
      for (const { id } of owners) {
        // A passkey is the only way to sign in.
        await provider.sql('update users set password_hash = null where id = $1', [id]);
        await provider.sql(
          `insert into passkeys (id, account_id, credential_id, name, public_key, counter, transports, backed_up, created_at)
           values ($1, $2, $3, 'k', $4, 0, '{}', false, now())`,
          [randomUUID(), id, randomUUID(), Buffer.from([1])],
        );
      }
      const replies = await Promise.all(owners.map(({ id }) => gone(id)));
      const [good, bad] = replies.toSorted((a, b) => a.status - b.status);
      expect([200, 202, 204]).toContain(good?.status);
      expect(bad).toMatchObject({ status: 409, body: { code: 'last_owner' } });
    }
    await all();
  });
});

describe('a password that has to be replaced', () => {
  it('signs in only to the page that replaces it, and is not accepted as its own replacement', async () => {
    const one = await person();
    expect(await support('POST', `/users/${one.id}/password/reset`, { force: true })).toMatchObject({
      body: { password_change_required: true },
    });
    const agent = new UserAgent(provider.url);
    const values = { identifier: one.email, password: one.password };
    const page = await agent.submit(await agent.open('/sign-in'), values, '/sign-in');
    expect(page.url.pathname).toBe('/reset-password');
    expect((await agent.open('/account')).url.pathname).not.toBe('/account');
    const again = await agent.submit(page, { password: one.password }, '/reset-password');
    expect(again.html).toContain('has to be replaced');
    // Nobody has proven to read the mailbox.
    await provider.sql('update users set email_verified_at = null, owner_proven_at = null where id = $1', [
      one.id,
    ]);
    const done = await agent.submit(again, { password: 'four rather unrelated words' }, '/reset-password');
    expect(done.status).toBe(200);
    expect(await owner('GET', `/users/${one.id}`)).toMatchObject({
      body: { password_change_required: false, email_verified: false },
    });
    const renewed = { ...values, password: 'four rather unrelated words' };
    const inside = await agent.submit(await agent.open('/sign-in'), renewed, '/sign-in');
    expect(inside.url.pathname).toBe('/account');
  });
});
