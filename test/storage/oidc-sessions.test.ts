import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import type { Adapter, Payload } from '../../src/storage/oidc/adapter.ts';
import { openBackend, type Backend } from './backends.ts';

// Sessions are stored in PostgreSQL on every backend.
let backend: Backend;
let sessions: Adapter;

beforeAll(async () => {
  backend = await openBackend('PostgreSQL alone');
  sessions = backend.adapters('Session');
});

const newSession = (accountId: string): { id: string; payload: Payload } => {
  const uid = randomUUID();
  return { id: randomUUID(), payload: { kind: 'Session', uid, accountId, loginTs: 1, authorizations: {} } };
};
const withApps = (payload: Payload, ...apps: string[]): Payload => ({
  ...payload,
  authorizations: Object.fromEntries(
    apps.map((app) => [app, { sid: `sid-${app}`, grantId: `grant-${app}` }]),
  ),
});
const appsOf = (found: Payload | undefined) => Object.keys(found?.['authorizations'] ?? {}).sort();

test('a session is found by id and uid, neither of which is stored in clear, and expires', async () => {
  const { id, payload } = newSession(await backend.newAccount());
  await sessions.upsert(id, { ...payload, jti: id }, 60);
  expect(await sessions.find(id)).toEqual({ ...payload, jti: id });
  expect(await sessions.findByUid(String(payload['uid']))).toEqual(payload);
  expect(await backend.contents()).not.toContain(id);
  backend.clock.forward(60_001);
  expect(await sessions.find(id)).toBeUndefined();
  expect(await sessions.findByUid(String(payload['uid']))).toBeUndefined();
});

test('an anonymous session keeps what was last saved', async () => {
  const [id, uid] = [randomUUID(), randomUUID()];
  await sessions.upsert(id, { uid, state: { state: 'a\0b' }, authorizations: { a: {} } }, 60);
  await sessions.upsert(id, { uid }, 60);
  expect(await sessions.find(id)).toEqual({ uid, jti: id });
});

test('parallel saves of a session lose nothing that another one added', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { id, payload } = newSession(await backend.newAccount());
    await sessions.upsert(id, withApps(payload, 'first'), 60);
    const apps = Array.from({ length: 8 }, (_, index) => `app-${index}`);
    await Promise.all(apps.map((app) => sessions.upsert(id, withApps(payload, 'first', app), 60)));
    expect(appsOf(await sessions.find(id))).toEqual([...apps, 'first'].sort());
  }
});

test('the later save of a session wins, for each app and for everything else', async () => {
  const { id, payload } = newSession(await backend.newAccount());
  await sessions.upsert(
    id,
    { ...payload, state: { secret: 'x' }, authorizations: { a: { grantId: 1, persistsLogout: true } } },
    60,
  );
  await sessions.upsert(id, { ...payload, authorizations: { a: { grantId: 2 } } }, 60);
  expect(await sessions.find(id)).toEqual({ ...payload, jti: id, authorizations: { a: { grantId: 2 } } });
});

test('an app that was logged out stays so, whatever is later saved under the old session id', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { id, payload } = newSession(await backend.newAccount());
    await sessions.upsert(id, withApps(payload, 'stays', 'leaves'), 60);
    const next = randomUUID();
    const logout = async () => {
      await sessions.destroy(id);
      await sessions.upsert(next, withApps(payload, 'stays'), 60);
    };
    await Promise.all([logout(), sessions.upsert(id, withApps(payload, 'stays', 'leaves', 'late'), 60)]);
    expect(await sessions.find(id)).toBeUndefined();
    expect(appsOf(await sessions.find(next))).toEqual(['stays']);
    expect(appsOf(await sessions.findByUid(String(payload['uid'])))).toEqual(['stays']);
  }
});

test('an ended session is not restored by a request that still has it', async () => {
  for (let round = 0; round < 40; round += 1) {
    const accountId = await backend.newAccount();
    const { id, payload } = newSession(accountId);
    await sessions.upsert(id, payload, 60);
    const end = () =>
      round % 2
        ? sessions.destroy(id)
        : backend.inTransaction((tx) => backend.revocation.endAccount(accountId, tx));
    await Promise.all([
      sessions.upsert(id, withApps(payload, 'a'), 60),
      end(),
      sessions.upsert(id, withApps(payload, 'b'), 60),
    ]);
    await sessions.upsert(id, withApps(payload, 'c'), 60);
    expect(await sessions.find(id)).toBeUndefined();
    expect(await sessions.findByUid(String(payload['uid']))).toBeUndefined();
  }
});

test('a session uid belongs to the id that was saved last, also in parallel', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { id, payload } = newSession(await backend.newAccount());
    await sessions.upsert(id, payload, 60);
    const ids = Array.from({ length: 4 }, () => randomUUID());
    await Promise.all(ids.map((next) => sessions.upsert(next, withApps(payload, next), 60)));
    const found = await Promise.all([id, ...ids].map((one) => sessions.find(one)));
    const alive = found.filter((one) => one !== undefined);
    expect(alive).toHaveLength(1);
    expect(await sessions.findByUid(String(payload['uid']))).toMatchObject({
      authorizations: alive[0]?.['authorizations'],
    });
  }
});

test('a session that changes its account takes nothing over', async () => {
  const { id, payload } = newSession(await backend.newAccount());
  await sessions.upsert(id, withApps(payload, 'a'), 60);
  const accountId = await backend.newAccount();
  await sessions.upsert(id, withApps({ ...payload, accountId }, 'b'), 60);
  expect(await sessions.find(id)).toMatchObject({ accountId });
  expect(appsOf(await sessions.find(id))).toEqual(['b']);
});

test('no session is stored for a suspended or unknown account', async () => {
  const suspended = await backend.newAccount();
  await backend.pool.query("update users set status = 'suspended' where id = $1", [suspended]);
  for (const accountId of [suspended, randomUUID(), 'nobody']) {
    const { id, payload } = newSession(accountId);
    await sessions.upsert(id, payload, 60);
    expect(await sessions.find(id)).toBeUndefined();
  }
});

test('a session is deleted with its account', async () => {
  const accountId = await backend.newAccount();
  const { id, payload } = newSession(accountId);
  await sessions.upsert(id, payload, 60);
  await backend.pool.query('delete from users where id = $1', [accountId]);
  await sessions.upsert(id, withApps(payload, 'a'), 60);
  expect(await sessions.find(id)).toBeUndefined();
});
