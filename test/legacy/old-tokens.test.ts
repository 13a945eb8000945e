import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { systemActor } from '../../src/core/actor.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type ContractServer, startContractServer } from '../contracts/support/server.ts';
import { flows } from '../contracts/support/members.ts';
import { callAs } from '../api/support/operators.ts';
import { openDoor, serveKeys } from './support/keys.ts';
import { oldToken, SECRET, werkzeug } from './support/old-service.ts';

let server: ContractServer;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let spki: string;

const oldTokens = { issuer: 'old', account: { source_id: 'sub' }, until: '2099-12-31' };
const bytes = (text: string) => new TextEncoder().encode(text);

beforeAll(async () => {
  keys = await generateKeyPair('RS256', { extractable: true });
  spki = await exportSPKI(keys.publicKey);
  server = await startContractServer({
    env: { OLD_JWT_SECRET: SECRET },
    contracts: {
      gateway: { oldTokens: { ...oldTokens, keys: [{ alg: 'HS256', secret: { env: 'OLD_JWT_SECRET' } }] } },
      ppl: { oldTokens: { ...oldTokens, keys: [{ alg: 'RS256', key: spki }] } },
    },
  });
});

let next = 90_000;

/** An account migrated from the old service, where its id was a number. */
const mover = async () => {
  const person = await server.createPerson();
  const sourceId = String((next += 1));
  await server.sql(
    `insert into imported_accounts (source, source_id, account_id, record_digest, run)
      values ('old', $1, $2, '', gen_random_uuid())`,
    [sourceId, person.id],
  );
  return { ...person, sourceId };
};
const gateway = () => server.visitor('gateway');
const ppl = () => server.visitor('ppl');
const access = (sub: string, more: object = {}) => oldToken({ sub, iss: 'old', type: 'access', ...more });
const refresh = (sub: string, more: object = {}) => oldToken({ sub, iss: 'old', type: 'refresh', ...more });
const signed = (claims: Record<string, unknown>) =>
  new SignJWT({ iss: 'old', ...claims })
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(keys.privateKey);

const validity = async (token: string) =>
  (await gateway().call('validate', { body: { token } }, { status: 200 })).body as Record<string, unknown>;

describe('an access token of the old service', () => {
  it('is accepted at its contract and at validate, and nowhere else', async () => {
    const { sourceId, username } = await mover();
    const token = await access(sourceId);
    await flows.gateway.use!(gateway(), token, 200);
    expect(await validity(token)).toMatchObject({ valid: true, username, role: 'ROLE_USER' });
    await flows.ppl.use!(ppl(), token, 401);
    await flows.ppl.use!(ppl(), await signed({ sub: sourceId }), 200);
  });

  it.each<[string, (sub: string) => Promise<string> | string]>([
    ['of another issuer', (sub) => oldToken({ sub, iss: 'other' })],
    ['without an algorithm', (sub) => new UnsecuredJWT({ sub, iss: 'old' }).setExpirationTime('1h').encode()],
    [
      'signed by another key',
      (sub) => oldToken({ sub, iss: 'old' }, 'a secret of somebody else, long enough'),
    ],
    ['that has expired', (sub) => oldToken({ sub, iss: 'old' }, SECRET, '-1s')],
    ['of the type refresh token', (sub) => refresh(sub)],
    ['for an unknown account', () => access('no such id')],
    ['for two accounts', (sub) => access(`twice-${sub}`)],
  ])('is refused %s', async (_what, make) => {
    const { sourceId, id } = await mover();
    const other = await mover();
    if (_what === 'for two accounts')
      for (const [source, account] of [
        ['one', id],
        ['two', other.id],
      ])
        await server.sql(
          `insert into imported_accounts (source, source_id, account_id, record_digest, run)
            values ($1, $2, $3, '', gen_random_uuid())`,
          [source, `twice-${sourceId}`, account],
        );
    const token = await make(sourceId);
    await flows.gateway.use!(gateway(), token, 401);
    const { valid, errorMessage } = await validity(token);
    expect(valid).toBe(false);
    expect(errorMessage).toBe(_what === 'that has expired' ? 'Token has expired' : 'Invalid token');
  });

  it('is refused if signed by HS256 with the public key as the secret', async () => {
    const { sourceId } = await mover();
    const forged = await new SignJWT({ iss: 'old', sub: sourceId })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(bytes(spki));
    await flows.ppl.use!(ppl(), forged, 401);
  });

  it('ends with a logout, together with the refresh token', async () => {
    const [one, other] = [await mover(), await mover()];
    const [token, refreshToken] = [await access(one.sourceId), await refresh(one.sourceId)];
    const member = { ...one, token, refreshToken, params: {} };
    await flows.gateway.logout!(gateway(), member);
    await flows.gateway.use!(gateway(), token, 401);
    await flows.gateway.refresh!(gateway(), refreshToken, 401);
    await flows.gateway.use!(gateway(), await access(other.sourceId), 200);
  });

  it('ends with a suspension, for good', async () => {
    const who = await mover();
    const token = await access(who.sourceId);
    await flows.gateway.use!(gateway(), token, 200);
    const operator = shellOperator(systemActor);
    await server.operator.managedAccounts.suspend(operator, who.id);
    await flows.gateway.use!(gateway(), token, 401);
    await server.operator.managedAccounts.reactivate(operator, who.id);
    await flows.gateway.use!(gateway(), token, 401);
  });

  it('ends with a change of the password', async () => {
    const who = await mover();
    const token = await access(who.sourceId);
    await flows.gateway.changePassword!(
      gateway(),
      { ...who, token, refreshToken: '', params: {} },
      'other words entirely',
    );
    await flows.gateway.use!(gateway(), token, 401);
  });
});

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

describe('keys of the old service', () => {
  const ask = (pair: KeyPair, alg: string, sub: string, kid?: string) =>
    new SignJWT({ iss: 'old', sub })
      .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(pair.privateKey);
  const pairOf = (alg: string) => generateKeyPair(alg, { extractable: true });
  const setOf = async (kid: string, alg: string, { publicKey }: KeyPair) =>
    JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }] });

  it('for ES256 verify their algorithm, issuer and contract alone', async () => {
    const { sourceId, id } = await mover();
    const [pair, other] = [await pairOf('ES256'), await pairOf('ES256')];
    const { tokens } = await openDoor(server, [{ alg: 'ES256', key: await exportSPKI(pair.publicKey) }]);
    const found = await tokens.access('ppl', await ask(pair, 'ES256', sourceId));
    expect(found?.account.id).toBe(id);
    expect(await tokens.access('ppl', await ask(other, 'ES256', sourceId))).toBeNull();
    const rsa = await pairOf('RS256');
    expect(await tokens.access('ppl', await ask(rsa, 'RS256', sourceId))).toBeNull();
    expect(await tokens.access('gateway', await ask(pair, 'ES256', sourceId))).toBeNull();
  });

  it('are fetched from a JWKS URL, again after a rotation, and never for foreign tokens', async () => {
    const { sourceId } = await mover();
    const [first, second] = [await pairOf('RS256'), await pairOf('RS256')];
    const jwks = await serveKeys();
    const { tokens } = await openDoor(server, [{ alg: 'RS256', jwksUrl: jwks.jwksUrl }]);
    const stranger = await new SignJWT({ iss: 'elsewhere', sub: sourceId })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .sign(first.privateKey);
    expect(await tokens.access('ppl', stranger)).toBeNull();
    expect(jwks.asked).toBe(0);
    const set = await setOf('one', 'RS256', first);
    jwks.answer = (response) => response.end(set);
    for (let count = 0; count < 3; count += 1)
      expect(await tokens.access('ppl', await ask(first, 'RS256', sourceId, 'one'))).not.toBeNull();
    expect(jwks.asked).toBe(1);
    const next = await setOf('two', 'RS256', second);
    jwks.answer = (response) => response.end(next);
    const later = Date.now() + 31_000;
    const machine = jest.spyOn(Date, 'now').mockImplementation(() => later);
    const token = await ask(second, 'RS256', sourceId, 'two');
    expect(await tokens.access('ppl', token).finally(() => machine.mockRestore())).not.toBeNull();
    expect(jwks.asked).toBe(2);
  });

  it('are tried one by one if a JWKS has several without an id', async () => {
    const { sourceId } = await mover();
    const pairs = [await pairOf('RS256'), await pairOf('RS256'), await pairOf('RS256')];
    const jwks = await serveKeys();
    const { tokens } = await openDoor(server, [{ alg: 'RS256', jwksUrl: jwks.jwksUrl }]);
    const known = await Promise.all(pairs.slice(0, 2).map(({ publicKey }) => exportJWK(publicKey)));
    jwks.answer = (response) => response.end(JSON.stringify({ keys: known }));
    const honoured = pairs.map(async (pair) =>
      tokens.access('ppl', await ask(pair, 'RS256', sourceId)).then((one) => one !== null),
    );
    expect(await Promise.all(honoured)).toEqual([true, true, false]);
  });

  it.each<[string, (response: ServerResponse) => unknown]>([
    ['hangs up', (response) => response.destroy()],
    ['answers 500', (response) => response.writeHead(500).end()],
    ['sends 5 MB', (response) => response.end(`{"keys":[],"padding":"${'x'.repeat(5_000_000)}"}`)],
    ['sends nonsense', (response) => response.end('<h1>It works</h1>')],
    ['redirects', (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()],
  ])('that cannot be fetched, because the server %s, refuse no token for good', async (_what, answer) => {
    const { sourceId } = await mover();
    const pair = await pairOf('RS256');
    const jwks = await serveKeys();
    const { tokens } = await openDoor(server, [{ alg: 'RS256', jwksUrl: jwks.jwksUrl }]);
    const token = await ask(pair, 'RS256', sourceId, 'one');
    jwks.answer = answer;
    await expect(tokens.access('ppl', token)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(tokens.refresh('ppl', token)).rejects.toMatchObject({ code: 'unavailable' });
    const set = await setOf('one', 'RS256', pair);
    jwks.answer = (response) => response.end(set);
    expect(await tokens.access('ppl', token)).not.toBeNull();
  });

  it('are not fetched from a private address', async () => {
    const { sourceId } = await mover();
    const jwks = await serveKeys();
    const { tokens } = await openDoor(server, [{ alg: 'RS256', jwksUrl: jwks.jwksUrl }], { allow: [] });
    const token = await ask(await pairOf('RS256'), 'RS256', sourceId, 'one');
    await expect(tokens.access('ppl', token)).rejects.toMatchObject({ code: 'unavailable' });
    expect(jwks.asked).toBe(0);
  });

  it('expire on their last day, while the server runs', async () => {
    const { sourceId } = await mover();
    const pair = await pairOf('ES256');
    const until = new Date().toISOString().slice(0, 10);
    const own = { alg: 'ES256' as const, key: await exportSPKI(pair.publicKey) };
    const { tokens, clock } = await openDoor(server, [own], { until });
    const token = await new SignJWT({ iss: 'old', sub: sourceId })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime('30d')
      .sign(pair.privateKey);
    expect(await tokens.access('ppl', token)).not.toBeNull();
    clock.time = Date.parse(until) + 86_400_000;
    expect(await tokens.access('ppl', token)).toBeNull();
    expect(await tokens.refresh('ppl', token)).toBeNull();
    expect(await tokens.hasExpired('ppl', token)).toBe(false);
  });
});

describe('a refresh token of the old service', () => {
  it('is exchanged once by parallel requests', async () => {
    const { sourceId } = await mover();
    const token = await refresh(sourceId);
    const statuses = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const reply = await fetch(`${server.url}/contracts/gateway/api/v1/auth/refresh`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ refreshToken: token }),
        });
        return reply.status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
  });

  it('returns tokens issued by Postern', async () => {
    const { sourceId } = await mover();
    const answer = await flows.gateway.refresh!(gateway(), await refresh(sourceId), 200);
    await flows.gateway.use!(gateway(), answer.text('accessToken'), 200);
    await flows.gateway.refresh!(gateway(), answer.text('refreshToken'), 200);
  });

  it('is refused as an access token', async () => {
    const { sourceId } = await mover();
    await flows.gateway.refresh!(gateway(), await access(sourceId), 401);
  });

  it('stays in use at a contract without rotation, as one login', async () => {
    const who = await mover();
    const token = await signed({ sub: who.sourceId, type: 'refresh' });
    const all = await Promise.all(Array.from({ length: 4 }, () => flows.ppl.refresh!(ppl(), token, 200)));
    for (const answer of all) await flows.ppl.use!(ppl(), answer.text('access_token'), 200);
    const grants = await server.sql(`select count(*)::int as n from oidc_grants where account_id = $1`, [
      who.id,
    ]);
    expect(grants[0]?.['n']).toBe(1);
    await flows.ppl.logout!(ppl(), {
      ...who,
      token: all[0]!.text('access_token'),
      refreshToken: token,
      params: {},
    });
    await flows.ppl.refresh!(ppl(), token, 401);
  });

  it('is recognized by its hash if it is opaque', async () => {
    const [one, other] = [await mover(), await mover()];
    const sha256 = (text: string, encoding: 'hex' | 'base64') =>
      createHash('sha256').update(text).digest(encoding);
    const file = path.join(await temporaryFolder(), 'tokens.ndjson');
    const lines = [
      { hash: sha256('opaque-1', 'hex'), source_id: one.sourceId, expires_at: '2099-01-01T00:00:00Z' },
      { hash: sha256('opaque-2', 'base64'), source_id: Number(other.sourceId) },
      { hash: sha256('opaque-3', 'hex'), source_id: one.sourceId, expires_at: 1_000_000_000 },
      { hash: 'short', source_id: '1' },
    ];
    await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    const args = ['migration', 'import-tokens', file, '--contract', 'gateway', '--json'];
    const { code, stdout } = await runCli(args, { env: server.postern.env });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      read: 4,
      created: 3,
      failed: 1,
      problems: [{ line: 4, code: 'hash_malformed' }],
    });
    expect(JSON.parse((await runCli(args, { env: server.postern.env })).stdout)).toMatchObject({
      skipped: 3,
    });
    for (const token of ['opaque-1', 'opaque-2']) {
      await flows.gateway.refresh!(gateway(), token, 200);
      await flows.gateway.refresh!(gateway(), token, 401);
    }
    await flows.gateway.refresh!(gateway(), 'opaque-3', 401);
  });
});

describe('`postern migration status`', () => {
  it('shows who has migrated, what is left, and which tokens were seen', async () => {
    const fresh = await mover();
    await server.sql('update users set password_hash = $2 where id = $1', [fresh.id, werkzeug('x')]);
    const show = async () =>
      JSON.parse((await runCli(['migration', 'status', '--json'], { env: server.postern.env })).stdout) as {
        accounts: { moved: { source: string; way: string; accounts: number }[] };
        old_tokens: { by_day: { door: string; access: number; refresh: number }[]; doors: unknown[] };
      };
    await until(async () => (await show()).old_tokens.by_day.some(({ refresh: count }) => count > 0));
    const status = await show();
    expect(status).toMatchObject({
      ready: true,
      not_come: {
        accounts: expect.any(Number),
        by_source: expect.arrayContaining([expect.objectContaining({ source: 'old' })]),
      },
      old_hashes: [{ format: 'pbkdf2', accounts: 1 }],
      old_tokens: {
        doors: [
          { door: 'gateway', until: '2099-12-31', unused_refresh_tokens: 0 },
          { door: 'ppl', until: '2099-12-31' },
        ],
      },
      remaining: expect.arrayContaining([expect.objectContaining({ code: 'old_hashes', blocking: false })]),
    });
    expect(status.accounts.moved).toContainEqual({
      source: 'old',
      way: 'import',
      accounts: expect.any(Number),
    });
    const call = await callAs(server, 'owner');
    expect(await call('GET', '/migration')).toMatchObject({ status: 200, body: { ready: true } });
    const reader = await callAs(server, 'user');
    expect((await reader('GET', '/migration')).status).toBe(403);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/postern_old_tokens_total\{door="gateway",kind="refresh"\} \d/);
    expect(metrics).toMatch(/postern_migration_accounts\{source="old",way="import"\} \d/);
    const { stdout } = await runCli(['migration', 'status'], { env: server.postern.env });
    expect(stdout).toContain('The old service can be switched off.');
  });
});

it('the server does not start after the last day of old tokens, and says what to do', async () => {
  const { code, stderr } = await runCli(['migration', 'status'], {
    env: { OLD_JWT_SECRET: SECRET },
    settings: {
      contracts: {
        gateway: {
          oldTokens: {
            ...oldTokens,
            keys: [{ alg: 'HS256', secret: { env: 'OLD_JWT_SECRET' } }],
            until: '2020-06-30',
          },
        },
      },
    },
  });
  expect(code).not.toBe(0);
  expect(stderr).toContain('contracts.gateway.oldTokens.until: 2020-06-30 is over.');
  expect(stderr).toContain('remove oldTokens');
});
