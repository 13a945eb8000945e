import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { runCli } from '../support/postern.ts';
import { post } from '../oidc/support/flow.ts';
import type { Client } from '../oidc/support/provider.ts';
import { allContracts, type ContractServer, startContractServer, STORES } from './support/server.ts';
import { flows, type Member, type Name, names } from './support/members.ts';

const ofContract = (name: string): Client => ({ id: `contract:${name}`, secret: '', redirectUri: '' });
const withRefresh = names.filter((name) => flows[name].refresh);
const CHALLENGES: Record<Name, string> = {
  keyed: 'ApiKey',
  cookie: 'Bearer',
  flask: 'Bearer',
  gateway: 'Bearer',
  ppl: 'Bearer',
};
const ENDED = { status: 400, body: { error: 'invalid_grant' } };

describe.each(STORES)('a token from a contract, on %s,', (stores) => {
  let server: ContractServer;
  let gatekeeper: Client;
  const introspect = async (token: string) => (await post(server, 'introspect', gatekeeper, { token })).body;

  beforeAll(async () => {
    server = await startContractServer({ stores });
    const apis = names.flatMap((name) => ['--api', `${server.url}/contracts/${name}`]);
    const made = await runCli(['client', 'create', '--json', '--name', 'Gatekeeper', ...apis], {
      env: server.postern.env,
    });
    const { client_id: id, client_secret: secret } = JSON.parse(made.stdout) as Record<string, string>;
    gatekeeper = { id: id!, secret: secret!, redirectUri: '' };
  });

  describe.each(names)('%s,', (name) => {
    const { use, refresh, tokenIn } = flows[name];
    let member: Member;
    beforeAll(async () => {
      member = await flows[name].join(server.visitor(name));
    });

    it('is a JWT that anybody can verify with the JWKS', async () => {
      const keys = createRemoteJWKSet(new URL(`${server.url}/oauth2/jwks`));
      const { payload } = await jwtVerify(member.token, keys, {
        issuer: server.url,
        audience: `${server.url}/contracts/${name}`,
        typ: 'at+jwt',
      });
      const account = await server.operator.accounts.findByEmail(member.email);
      expect(payload).toMatchObject({
        sub: account?.id,
        client_id: `contract:${name}`,
        user_number: account?.number,
        roles: ['user'],
      });
      expect(payload.exp! - payload.iat!).toBe(1800);
      expect(decodeProtectedHeader(member.token).alg).toBe('ES256');
    });

    it('comes in a reply that must not be cached, and a refusal names the authentication scheme', async () => {
      const visitor = server.visitor(name);
      for (const status of [200, 401]) {
        const password = status === 200 ? member.password : 'a wrong password';
        const { headers } = await flows[name].login(visitor, { ...member, password }, status);
        expect(headers.get('cache-control')).toBe('no-store');
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        // RFC 9110 section 11.6.1.
        expect(headers.get('www-authenticate')).toBe(status === 401 ? CHALLENGES[name] : null);
      }
    });

    it('is active at the introspection endpoint for an API’s client', async () => {
      expect(await introspect(member.token)).toMatchObject({
        active: true,
        client_id: `contract:${name}`,
        token_type: 'Bearer',
      });
    });

    it('can be revoked at the revocation endpoint', async () => {
      const visitor = server.visitor(name);
      const { token } = await flows[name].join(visitor);
      await use?.(visitor, token, 200);
      expect(await post(server, 'revoke', ofContract(name), { token })).toMatchObject({ status: 200 });
      expect(await introspect(token)).toEqual({ active: false });
      await use?.(visitor, token, 401);
    });

    it('cannot be revoked by another contract', async () => {
      const other = names.find((candidate) => candidate !== name)!;
      await post(server, 'revoke', ofContract(other), { token: member.token });
      expect(await introspect(member.token)).toMatchObject({ active: true });
    });

    if (!refresh) return;

    it('comes with a refresh token that works at the token endpoint, and then at the contract again', async () => {
      const visitor = server.visitor(name);
      const joined = await flows[name].join(visitor);
      const grant = { grant_type: 'refresh_token', refresh_token: joined.refreshToken };
      const reply = await post<Record<string, string>>(server, 'token', ofContract(name), grant);
      expect(reply).toMatchObject({ status: 200, body: { token_type: 'Bearer', scope: 'contract' } });
      await use?.(visitor, reply.body['access_token']!, 200);
      expect(await introspect(reply.body['access_token']!)).toMatchObject({ active: true });
      const answer = await refresh(visitor, reply.body['refresh_token']!, 200);
      expect(await introspect(answer.text(tokenIn))).toMatchObject({ active: true });
    });

    it('comes with a refresh token whose revocation ends the login', async () => {
      const visitor = server.visitor(name);
      const { token, refreshToken } = await flows[name].join(visitor);
      await post(server, 'revoke', ofContract(name), { token: refreshToken });
      await refresh(visitor, refreshToken, 401);
      expect(await introspect(token)).toEqual({ active: false });
    });

    it('comes with a refresh token that no other contract accepts', async () => {
      for (const other of withRefresh.filter((candidate) => candidate !== name))
        await flows[other].refresh!(server.visitor(other), member.refreshToken, 401);
      await refresh(server.visitor(name), member.refreshToken, 200);
    });
  });
});

describe('a refresh token from a contract', () => {
  const rotating = allContracts
    .filter((contract) => contract.rotatesRefreshTokens)
    .map(({ name }) => name as Name);
  const lasting = withRefresh.filter((name) => !rotating.includes(name));

  it('rotates only if the reply can contain the next one', () => {
    expect({ rotating, lasting }).toEqual({ rotating: ['cookie', 'gateway'], lasting: ['keyed', 'ppl'] });
  });

  describe('used again during the grace period', () => {
    let server: ContractServer;
    beforeAll(async () => {
      server = await startContractServer({ settings: { refresh: { grace: 60 } } });
    });

    it.each(rotating)('gets the same successor: %s', async (name) => {
      const { join, refresh, successor } = flows[name];
      const visitor = server.visitor(name);
      const { refreshToken } = await join(visitor);
      const replies = await Promise.all(
        Array.from({ length: 10 }, () => refresh!(visitor, refreshToken, 200)),
      );
      const successors = new Set(replies.map((reply) => successor!(reply)));
      expect(successors.size).toBe(1);
      expect(successors).not.toContain(refreshToken);
      await refresh!(visitor, [...successors][0]!, 200);
    });

    it.each(lasting)('stays the same: %s', async (name) => {
      const { join, refresh } = flows[name];
      const visitor = server.visitor(name);
      const { refreshToken } = await join(visitor);
      for (let time = 0; time < 3; time += 1) await refresh!(visitor, refreshToken, 200);
    });
  });

  describe('used again without a grace period', () => {
    let server: ContractServer;
    beforeAll(async () => {
      server = await startContractServer({ settings: { refresh: { grace: 0 } } });
    });

    it.each(rotating)('ends its whole family: %s', async (name) => {
      const { join, refresh, successor, use } = flows[name];
      const visitor = server.visitor(name);
      const { token, refreshToken } = await join(visitor);
      const next = successor!(await refresh!(visitor, refreshToken, 200));
      await use!(visitor, token, 200);
      await refresh!(visitor, refreshToken, 401);
      await refresh!(visitor, next, 401);
      await use!(visitor, token, 401);
      expect(
        await post(server, 'token', ofContract(name), { grant_type: 'refresh_token', refresh_token: next }),
      ).toMatchObject(ENDED);
    });

    it.each(lasting)('stays valid if it does not rotate: %s', async (name) => {
      const { join, refresh } = flows[name];
      const visitor = server.visitor(name);
      const { refreshToken } = await join(visitor);
      await refresh!(visitor, refreshToken, 200);
      await refresh!(visitor, refreshToken, 200);
    });
  });
});
