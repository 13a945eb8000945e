import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Cluster } from 'ioredis';
import { createRevocation, type Revocation } from '../../src/storage/revocation.ts';
import { KINDS, openBackend, silent, type Backend } from './backends.ts';

const newToken = () => ({ jti: randomUUID(), clientId: randomUUID(), grantId: randomUUID() });
type Token = ReturnType<typeof newToken>;

describe.each(KINDS)('revocation on %s', (kind) => {
  let backend: Backend;
  let revocation: Revocation;

  beforeAll(async () => {
    backend = await openBackend(kind);
    revocation = backend.revocation;
  });

  const inSeconds = (seconds: number) => Math.floor(backend.clock.now() / 1000) + seconds;
  const end = async (token: Token) => {
    await revocation.endToken(token.jti, inSeconds(600));
    return token;
  };
  /** The view of another process that shares the stores. */
  const anotherNode = async () =>
    createRevocation({
      pool: backend.pool,
      clock: backend.clock,
      redis: await backend.anotherRedis(),
      logger: silent,
      longestToken: 3600,
    });
  /** Waits until Redis answers the checks, if there is one. */
  const synced = async (node: Revocation = revocation) => {
    for (;;) {
      const query = jest.spyOn(backend.pool, 'query');
      await node.isRevoked(newToken());
      const asked = query.mock.calls.length;
      query.mockRestore();
      if (asked === 0 || !backend.redis) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test('ends one token, and no other of its grant or client', async () => {
    const token = await end(newToken());
    expect(await revocation.isRevoked(token)).toBe(true);
    expect(await revocation.isRevoked({ jti: token.jti, clientId: 'x' })).toBe(true);
    expect(await revocation.isRevoked({ ...token, jti: randomUUID() })).toBe(false);
    expect(await revocation.isRevoked(newToken())).toBe(false);
  });

  test('ends a grant with all its tokens', async () => {
    const grantId = await backend.newGrant();
    await synced();
    await revocation.endGrant(grantId);
    expect(await revocation.isRevoked({ ...newToken(), grantId })).toBe(true);
    expect(await revocation.isRevoked({ jti: randomUUID(), clientId: grantId })).toBe(false);
    expect(await backend.adapters('Grant').find(grantId)).toBeUndefined();
  });

  test('ends the grants of an account, of a client, or of both together', async () => {
    const [accountId, neighbour] = [await backend.newAccount(), await backend.newAccount()];
    const [app, other] = [randomUUID(), randomUUID()];
    const grants = {
      asked: await backend.newGrant({ accountId, clientId: app }),
      sameAccount: await backend.newGrant({ accountId, clientId: other }),
      sameClient: await backend.newGrant({ accountId: neighbour, clientId: app }),
    };
    const ended = async () => {
      const tokens = Object.values(grants).map((grantId) => ({ ...newToken(), grantId }));
      return Promise.all(tokens.map((token) => revocation.isRevoked(token)));
    };
    await backend.inTransaction((tx) => revocation.endGrants(accountId, app, tx));
    expect(await ended()).toEqual([true, false, false]);
    await backend.inTransaction((tx) => revocation.endAccount(accountId, tx));
    expect(await ended()).toEqual([true, true, false]);
    await backend.inTransaction((tx) => revocation.endClient(app, tx));
    expect(await ended()).toEqual([true, true, true]);
    expect(await revocation.isRevoked({ jti: randomUUID(), clientId: app })).toBe(true);
    expect(await revocation.isRevoked({ jti: randomUUID(), clientId: other })).toBe(false);
  });

  test('has no effect if the transaction rolls back, and its full effect when it commits', async () => {
    const accountId = await backend.newAccount();
    const grantId = await backend.newGrant({ accountId, clientId: 'app' });
    const code = randomUUID();
    await backend.adapters('AuthorizationCode').upsert(code, { grantId }, 60);
    const token = { ...newToken(), grantId };
    const failing = backend.inTransaction(async (tx) => {
      await revocation.endAccount(accountId, tx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await revocation.isRevoked(token)).toBe(false);
    expect(await backend.adapters('AuthorizationCode').find(code)).toBeDefined();
    await backend.inTransaction((tx) => revocation.endAccount(accountId, tx));
    expect(await revocation.isRevoked(token)).toBe(true);
    expect(await backend.adapters('AuthorizationCode').find(code)).toBeUndefined();
  });

  test('is forgotten once the token has expired everywhere', async () => {
    const token = newToken();
    await revocation.endToken(token.jti, inSeconds(10));
    backend.clock.forward(10_000);
    expect(await revocation.isRevoked(token)).toBe(true);
    backend.clock.forward(61_000);
    expect(await revocation.isRevoked(token)).toBe(false);
  });

  test('by one node is in effect on the others, also on those that start later', async () => {
    const there = await anotherNode();
    await synced(there);
    await synced();
    for (let round = 0; round < 50; round += 1)
      expect(await there.isRevoked(await end(newToken()))).toBe(true);
    const late = await end(newToken());
    const started = await anotherNode();
    expect(await started.isRevoked(late)).toBe(true);
  });

  if (kind === 'PostgreSQL alone') return;

  const flush = () =>
    (backend.redis instanceof Cluster ? backend.redis.nodes('master')[0]! : backend.redis!).flushall();

  test('survives the loss of all data in Redis, at any moment', async () => {
    const there = await anotherNode();
    const tokens: Token[] = [];
    for (let round = 0; round < 60; round += 1) {
      const flushing = (async () => {
        for (let wait = round % 8; wait > 0; wait -= 1) await new Promise(setImmediate);
        await flush();
      })();
      const [token] = await Promise.all([end(newToken()), there.isRevoked(newToken()), flushing]);
      tokens.push(token);
      for (const node of [revocation, there])
        for (const one of tokens.slice(-5)) expect(await node.isRevoked(one)).toBe(true);
    }
    await synced();
    for (const token of tokens) expect(await revocation.isRevoked(token)).toBe(true);
  });

  test('is checked in Redis alone once it has every mark', async () => {
    const many = Array.from({ length: 3_000 }, newToken);
    await backend.pool.query(
      "insert into revocation_marks select 'token', jti, now() + interval '1 hour' from unnest($1::text[]) as jti",
      [many.map(({ jti }) => jti)],
    );
    await flush();
    await synced();
    const query = jest.spyOn(backend.pool, 'query');
    for (const token of many.slice(0, 200)) expect(await revocation.isRevoked(token)).toBe(true);
    expect(query).not.toHaveBeenCalled();
    query.mockRestore();
  });

  test('that was committed but not announced is in effect after a while', async () => {
    await synced();
    const token = newToken();
    await backend.pool.query("insert into revocation_marks values ('token', $1, now() + interval '1 hour')", [
      token.jti,
    ]);
    for (let set = 0; set < 16; set += 1) {
      expect(await backend.redis!.pttl(`revoked:${set}`)).toBeLessThanOrEqual(60_000);
      await backend.redis!.pexpire(`revoked:${set}`, 0);
    }
    expect(await revocation.isRevoked(token)).toBe(true);
  });

  test('survives when Redis is killed, is down, and returns empty', async () => {
    const before = await end(newToken());
    await synced();
    await backend.server!.stop('SIGKILL');
    expect(await revocation.isRevoked(before)).toBe(true);
    expect(await revocation.isRevoked(newToken())).toBe(false);
    const during = newToken();
    await expect(revocation.endToken(during.jti, inSeconds(600))).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(await revocation.isRevoked(during)).toBe(true);
    await backend.server!.start();
    for (const token of [before, during]) expect(await revocation.isRevoked(token)).toBe(true);
    if (kind === 'PostgreSQL and Redis') await synced();
    for (const token of [before, during]) expect(await revocation.isRevoked(token)).toBe(true);
    expect(await revocation.isRevoked(newToken())).toBe(false);
  });
});
