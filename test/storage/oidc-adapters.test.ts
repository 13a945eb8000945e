import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Adapter, Payload } from '../../src/storage/oidc/adapter.ts';
import { AlreadyConsumed, GrantGone, AlreadyClaimed, ReplayDetected } from '../../src/storage/oidc/record.ts';
import { CLAIM_TTL } from '../../src/core/replies.ts';
import { KINDS, openBackend, type Backend } from './backends.ts';

const UNDER_GRANT = [
  'AccessToken',
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PreAuthorizedCode',
];
const CONSUMED = [...UNDER_GRANT.slice(1), 'PushedAuthorizationRequest'];
const ALONE = [
  'ClientCredentials',
  'PushedAuthorizationRequest',
  'Interaction',
  'InitialAccessToken',
  'RegistrationAccessToken',
  'ReplayDetection',
];

const newId = () => randomBytes(32).toString('base64url');
const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);
const outcomes = async (tries: Promise<unknown>[]) => {
  const settled = await Promise.allSettled(tries);
  return {
    won: settled.filter(({ status }) => status === 'fulfilled').length,
    errors: settled.filter((one) => one.status === 'rejected').map(({ reason }): unknown => reason),
  };
};

describe.each(KINDS)('the adapters on %s', (kind) => {
  let backend: Backend;
  let adapter: (model: string) => Adapter;

  beforeAll(async () => {
    backend = await openBackend(kind);
    adapter = backend.adapters;
  });

  const save = async (model: string, more: Payload = {}, expiresIn = 60) => {
    const id = newId();
    const payload = { kind: model, iat: 1, exp: 2, clientId: 'app', ...more };
    await adapter(model).upsert(id, { ...payload, jti: id }, expiresIn);
    return { id, payload };
  };

  const claim = (model: string, id: string) => adapter(model).claim(id, backend.clock.now());

  describe.each([...UNDER_GRANT, ...ALONE])('%s', (model) => {
    const more = async (): Promise<Payload> =>
      UNDER_GRANT.includes(model) ? { grantId: await backend.newGrant(), accountId: randomUUID() } : {};

    test('is found as saved by its id, and not by another', async () => {
      const { id, payload } = await save(model, {
        ...(await more()),
        scope: 'openid',
        claims: { id_token: { a: null } },
      });
      expect(await adapter(model).find(id)).toEqual({ ...payload, jti: id });
      expect(await adapter(model).find(newId())).toBeUndefined();
      const { models, other } = { models: [...UNDER_GRANT, ...ALONE], other: newId() };
      for (const another of models.filter((name) => name !== model))
        expect(await adapter(another).find(id)).toBeUndefined();
      await adapter(model).destroy(other);
      expect(await adapter(model).find(id)).toBeDefined();
      await adapter(model).destroy(id);
      expect(await adapter(model).find(id)).toBeUndefined();
    });

    test('is not stored under its id in clear', async () => {
      const { id } = await save(model, await more());
      const contents = await backend.contents();
      expect(contents).toContain(model);
      expect(contents).not.toContain(id);
    });

    test('expires to the millisecond', async () => {
      const before = backend.clock.now();
      const { id } = await save(model, await more(), 1000);
      const after = backend.clock.now();
      backend.clock.forward(995_000);
      expect(await adapter(model).find(id)).toBeDefined();
      backend.clock.forward(5_000 + after - before);
      expect(await adapter(model).find(id)).toBeUndefined();
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyConsumed);
    });

    test('keeps any characters that a client sent', async () => {
      const odd = { state: 'a\0b\ud800c', ['__proto__x']: 1, nonce: '\u2028"\\' };
      const payload = JSON.parse('{"__proto__": {"polluted": true}}') as Payload;
      const { id } = await save(model, { ...(await more()), params: odd, ...payload });
      const found = await adapter(model).find(id);
      expect(found?.['params']).toEqual(odd);
      expect(Object.hasOwn(found ?? {}, '__proto__')).toBe(true);
      expect('polluted' in (found ?? {})).toBe(false);
    });
  });

  test('keep a long pushed request to the byte, unsecured or signed', async () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = encode({
      state: 'a\0b\ud800c\u2028"\\ä',
      login_hint: randomBytes(900).toString('base64url'),
    });
    for (const request of [
      `${encode({ alg: 'none' })}.${claims}.`,
      `${encode({ alg: 'none' })}.${claims}.c2ln`,
      `${encode({ alg: 'ES256' })}.${claims}.c2ln`,
    ]) {
      const { id, payload } = await save('PushedAuthorizationRequest', { request, trusted: false });
      expect(await adapter('PushedAuthorizationRequest').find(id)).toEqual({ ...payload, jti: id });
    }
  });

  describe.each(CONSUMED)('%s', (model) => {
    const more = async (): Promise<Payload> =>
      UNDER_GRANT.includes(model) ? { grantId: await backend.newGrant() } : {};

    test('is claimed once by twenty parallel requests, and then consumed', async () => {
      const { id } = await save(model, await more());
      const before = backend.clock.now();
      const { won, errors } = await outcomes(Array.from({ length: 20 }, () => claim(model, id)));
      expect(won).toBe(1);
      for (const error of errors) expect(error).toBeInstanceOf(AlreadyClaimed);
      const claimed = await adapter(model).find(id);
      expect(claimed?.['claimedAt']).toBeGreaterThanOrEqual(before);
      expect(claimed?.['claimedAt']).toBeLessThanOrEqual(backend.clock.now());
      expect(claimed).not.toHaveProperty('consumed');
      await adapter(model).consume(id, backend.clock.now());
      const found = await adapter(model).find(id);
      const at = found?.['consumedAt'] as number;
      expect(at).toBeGreaterThanOrEqual(before);
      expect(at).toBeLessThanOrEqual(backend.clock.now());
      expect(found?.['consumed']).toBe(seconds(at));
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyConsumed);
    });

    test('can be claimed again after a release by its holder or after the claim expired', async () => {
      const { id } = await save(model, await more());
      const at = backend.clock.now();
      await adapter(model).claim(id, at, 'here');
      await adapter(model).release(id, at - 1);
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyClaimed);
      await adapter(model).release(id, at);
      const released = await adapter(model).find(id);
      expect(released).not.toHaveProperty('claimedAt');
      expect(released).not.toHaveProperty('claimedFrom');
      await claim(model, id);
      backend.clock.forward(CLAIM_TTL - 1_000);
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyClaimed);
      backend.clock.forward(1_001);
      const { won } = await outcomes(Array.from({ length: 20 }, () => claim(model, id)));
      expect(won).toBe(1);
      await adapter(model).consume(id, backend.clock.now());
      await adapter(model).release(id, at);
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyConsumed);
    });

    test('keeps where its claim came from', async () => {
      const { id } = await save(model, await more());
      await adapter(model).claim(id, backend.clock.now(), 'here');
      expect(await adapter(model).find(id)).toMatchObject({ claimedFrom: 'here' });
      await adapter(model).consume(id, backend.clock.now());
      expect(await adapter(model).find(id)).toMatchObject({
        claimedFrom: 'here',
        consumed: expect.any(Number),
      });
    });

    test('stays consumed when it is saved again', async () => {
      const { id, payload } = await save(model, await more());
      await claim(model, id);
      await adapter(model).upsert(id, { ...payload, jti: id, error: 'late' }, 60);
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyClaimed);
      await adapter(model).consume(id, backend.clock.now());
      await adapter(model).upsert(id, { ...payload, jti: id, error: 'later' }, 60);
      expect(await adapter(model).find(id)).toMatchObject({ error: 'later', consumed: expect.any(Number) });
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyConsumed);
    });

    test('cannot be claimed if unknown, destroyed or expired', async () => {
      await expect(claim(model, newId())).rejects.toBeInstanceOf(AlreadyConsumed);
      const { id } = await save(model, await more());
      await adapter(model).destroy(id);
      await expect(claim(model, id)).rejects.toBeInstanceOf(AlreadyConsumed);
      const { id: old } = await save(model, await more(), 10);
      backend.clock.forward(10_001);
      await expect(claim(model, old)).rejects.toBeInstanceOf(AlreadyConsumed);
    });
  });

  test('accept a jti once of twenty parallel uses, and again after it expired', async () => {
    const id = newId();
    const show = () => adapter('ReplayDetection').upsert(id, { iss: 'app' }, 60);
    for (let round = 0; round < 3; round += 1) {
      const { won, errors } = await outcomes(Array.from({ length: 20 }, show));
      expect(won).toBe(1);
      for (const error of errors) expect(error).toBeInstanceOf(ReplayDetected);
      backend.clock.forward(60_001);
    }
  });

  test('refuse a record without a lifetime, and don’t find one whose lifetime is over', async () => {
    const requests = adapter('PushedAuthorizationRequest');
    await expect(requests.upsert(newId(), {})).rejects.toThrow(TypeError);
    await expect(requests.upsert(newId(), {}, Number.NaN)).rejects.toThrow(TypeError);
    const id = newId();
    await requests.upsert(id, {}, -5);
    expect(await requests.find(id)).toBeUndefined();
  });

  test('store neither the session id nor other ids of an interaction in clear', async () => {
    const session = { accountId: randomUUID(), uid: 'u', cookie: newId() };
    const [deviceCode, parJti] = [newId(), newId()];
    const { id } = await save('Interaction', { session, deviceCode, parJti });
    const contents = await backend.contents();
    for (const secret of [session.cookie, deviceCode, parJti]) expect(contents).not.toContain(secret);
    const found = await adapter('Interaction').find(id);
    expect(found).toMatchObject({ deviceCode, parJti, session: { accountId: session.accountId, uid: 'u' } });
  });

  test('find a device code by its user code, also after it was saved without one', async () => {
    const userCode = randomBytes(6).toString('hex').toUpperCase();
    const { id, payload } = await save('DeviceCode', { userCode });
    const contents = await backend.contents();
    expect(contents).not.toContain(userCode);
    expect(contents).not.toContain(id);
    const found = await adapter('DeviceCode').findByUserCode(userCode);
    expect(found).toEqual({ ...payload, jti: id, userCode });
    await adapter('DeviceCode').upsert(id, { ...found, inFlight: true }, 30);
    const { userCode: _, ...seen } = (await adapter('DeviceCode').find(id)) ?? {};
    await adapter('DeviceCode').upsert(id, { ...seen, scope: 'openid' }, 30);
    expect(await adapter('DeviceCode').findByUserCode(userCode)).toMatchObject({
      scope: 'openid',
      inFlight: true,
    });
    expect(await adapter('DeviceCode').findByUserCode('OTHER')).toBeUndefined();
    await expect(save('DeviceCode', { userCode })).rejects.toMatchObject({ code: 'unavailable' });
    expect(await adapter('DeviceCode').findByUserCode(userCode)).toMatchObject({ jti: id });
  });

  describe('a grant', () => {
    const accountsOf = async (status: string) => {
      const id = await backend.newAccount();
      await backend.pool.query('update users set status = $2 where id = $1', [id, status]);
      return id;
    };

    test('is found as saved until it expires or ends', async () => {
      const payload = {
        accountId: await backend.newAccount(),
        clientId: 'app',
        openid: { scope: 'openid\0' },
      };
      const id = await backend.newGrant(payload);
      expect(await adapter('Grant').find(id)).toEqual({ ...payload, jti: id });
      await adapter('Grant').upsert(id, { ...payload, rejected: {} }, 10);
      expect(await adapter('Grant').find(id)).toMatchObject({ rejected: {} });
      backend.clock.forward(10_001);
      expect(await adapter('Grant').find(id)).toBeUndefined();
      expect(await adapter('Grant').find('\0')).toBeUndefined();
    });

    test('needs no account, but if it names one, an active one', async () => {
      const clientsOwn = await backend.newGrant({ clientId: 'app' });
      expect(await adapter('Grant').find(clientsOwn)).toBeDefined();
      for (const accountId of [randomUUID(), 'nobody', await accountsOf('suspended')])
        await expect(backend.newGrant({ accountId })).rejects.toBeInstanceOf(GrantGone);
    });

    test('that has ended accepts no tokens and cannot be saved again', async () => {
      const payload = { accountId: await backend.newAccount(), clientId: 'app' };
      const grantId = await backend.newGrant(payload);
      await adapter('Grant').destroy(grantId);
      for (const model of UNDER_GRANT)
        await expect(save(model, { grantId })).rejects.toBeInstanceOf(GrantGone);
      await expect(adapter('Grant').upsert(grantId, payload, 60)).rejects.toBeInstanceOf(GrantGone);
    });

    test('survives the revocation of all its tokens, and only those are revoked', async () => {
      const [grantId, another] = [await backend.newGrant(), await backend.newGrant()];
      const saved = await Promise.all(
        UNDER_GRANT.map(async (model) => ({ model, ...(await save(model, { grantId })) })),
      );
      const kept = await Promise.all(
        UNDER_GRANT.map(async (model) => ({ model, ...(await save(model, { grantId: another })) })),
      );
      await Promise.all(UNDER_GRANT.map((model) => adapter(model).revokeByGrantId(grantId)));
      for (const { model, id } of saved) expect(await adapter(model).find(id)).toBeUndefined();
      for (const { model, id } of kept) expect(await adapter(model).find(id)).toBeDefined();
      for (const model of UNDER_GRANT) {
        const { id } = await save(model, { grantId });
        expect(await adapter(model).find(id)).toBeDefined();
      }
    });

    test.each(UNDER_GRANT)('leaves no %s that was saved while it ended', async (model) => {
      for (let round = 0; round < 40; round += 1) {
        const grantId = await backend.newGrant();
        const ids = Array.from({ length: 6 }, newId);
        const writes = ids.map(async (id, index) => {
          // Before, during and after the end, in turn.
          for (let wait = index * (round % 5); wait > 0; wait -= 1) await new Promise(setImmediate);
          await adapter(model).upsert(id, { grantId }, 60);
        });
        const end = [
          ...UNDER_GRANT.map((name) => adapter(name).revokeByGrantId(grantId)),
          adapter('Grant').destroy(grantId),
        ];
        const { errors } = await outcomes([...writes, ...end]);
        for (const error of errors) expect(error).toBeInstanceOf(GrantGone);
        for (const id of ids) expect(await adapter(model).find(id)).toBeUndefined();
        expect(await adapter('Grant').find(grantId)).toBeUndefined();
      }
    });

    test('leaves nothing that was saved while its account was suspended or deleted', async () => {
      for (let round = 0; round < 40; round += 1) {
        const accountId = await backend.newAccount();
        const [grantId, code, session] = [randomUUID(), newId(), newId()];
        const login = async () => {
          for (let wait = round % 10; wait > 0; wait -= 1) await new Promise(setImmediate);
          await adapter('Grant').upsert(grantId, { accountId, clientId: 'app' }, 60);
          await adapter('Session').upsert(session, { accountId, uid: newId() }, 60);
          await adapter('AuthorizationCode').upsert(code, { grantId, accountId }, 60);
        };
        const end = backend.inTransaction(async (tx) => {
          if (round % 2) await tx.query("update users set status = 'suspended' where id = $1", [accountId]);
          await backend.revocation.endAccount(accountId, tx);
          if (round % 2 === 0) await tx.query('delete from users where id = $1', [accountId]);
        });
        const { errors } = await outcomes([login(), end]);
        for (const error of errors) expect(error).toBeInstanceOf(GrantGone);
        expect(await adapter('Grant').find(grantId)).toBeUndefined();
        expect(await adapter('Session').find(session)).toBeUndefined();
        expect(await adapter('AuthorizationCode').find(code)).toBeUndefined();
      }
    });
  });

  test('store nothing in Redis without an expiry', async () => {
    for (const lifetime of await backend.lifetimes()) {
      expect(lifetime).toBeGreaterThan(0);
      expect(lifetime).toBeLessThanOrEqual(3_600_000);
    }
  });
});
