import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, exportSPKI, calculateJwkThumbprint } from 'jose';
import * as openid from 'openid-client';
import {
  answer,
  authorizationUrl,
  authorize,
  exchange,
  introspect,
  post,
  userinfo,
  VERIFIER,
} from './support/flow.ts';
import { epoch, type Keys, newKeys, proof, secondNode } from './support/proofs.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const API = 'https://api.example.test';
const GRANT = { grant_type: 'client_credentials' };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe.each(STORES)('DPoP on %s', (stores) => {
  let provider: Provider;
  let node: { url: string };
  let service: Client;
  let keys: Keys;
  beforeAll(async () => {
    [provider, keys] = await Promise.all([startProvider({ stores }), newKeys()]);
    node = await secondNode(provider);
    service = await provider.createClient({ grant_types: ['client_credentials'] });
  });

  const ask = (DPoP: string, at: { url: string } = provider, client = service) =>
    post(at, 'token', client, GRANT, { DPoP });

  it('accepts a nonce from another node', async () => {
    const careful = await provider.createClient({
      grant_types: ['client_credentials'],
      dpop_require_nonce: true,
    });
    const first = await ask(await proof(provider, keys), provider, careful);
    expect(first).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } });
    const nonce = first.headers.get('dpop-nonce');
    const good = await ask(await proof(provider, keys, { claims: { nonce } }), node, careful);
    expect(good).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    const made = await ask(await proof(provider, keys, { claims: { nonce: 'made-up' } }), node, careful);
    expect(made).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } });
    expect((await ask(await proof(provider, keys))).status).toBe(200);
  });

  if (stores === 'PostgreSQL') return;

  describe('checks proofs:', () => {
    const bad = { status: 400, body: { error: 'invalid_dpop_proof' } };

    it.each<[string, Record<string, unknown>]>([
      ['for another method', { htm: 'GET' }],
      ['for another host', { htu: 'https://other.example.test/oauth2/token' }],
      ['for another endpoint', { htu: 'USERINFO' }],
      ['without a URL', { htu: undefined }],
      ['with an invalid URL', { htu: 7 }],
      ['that is too old', { iat: epoch() - 3600 }],
      ['issued in the future', { iat: epoch() + 3600 }],
      ['without a time', { iat: undefined }],
      ['without an id', { jti: undefined }],
      ['with an id that is not a string', { jti: 7 }],
      ['with a nonce that is not a string', { nonce: 7 }],
    ])('a proof %s is refused', async (_, claims) => {
      const filled = claims['htu'] === 'USERINFO' ? { htu: `${provider.url}/oauth2/userinfo` } : claims;
      const { status, body } = await ask(await proof(provider, keys, { claims: filled }));
      expect(status).toBe(400);
      expect(body['error']).toMatch(/^(invalid_dpop_proof|use_dpop_nonce)$/);
    });

    it.each<[string, () => Promise<string> | string]>([
      ['of another type', () => proof(provider, keys, { header: { typ: 'JWT' } })],
      ['without a key', () => proof(provider, keys, { header: { jwk: undefined } })],
      [
        'with another client’s key',
        async () => proof(provider, keys, { header: { jwk: (await newKeys()).publicJwk } }),
      ],
      [
        'with a private key',
        async () => proof(provider, keys, { header: { jwk: { ...keys.publicJwk, d: 'AAAA' } } }),
      ],
      [
        'without a signature',
        () => `${encode({ typ: 'dpop+jwt', alg: 'none', jwk: keys.publicJwk })}.${encode({ jti: 'a' })}.`,
      ],
      [
        'with an HMAC by its public key',
        async () => {
          const signed = `${encode({ typ: 'dpop+jwt', alg: 'HS256', jwk: keys.publicJwk })}.${encode({ jti: 'a' })}`;
          const mac = createHmac('sha256', await exportSPKI(keys.publicKey)).update(signed);
          return `${signed}.${mac.digest('base64url')}`;
        },
      ],
      ['that is not a JWT', () => 'a.b.c'],
      ['used twice', async () => `${await proof(provider, keys)}, ${await proof(provider, keys)}`],
      ['with another algorithm', async () => proof(provider, await newKeys('ES384'))],
    ])('a proof %s is refused', async (_, forge) => {
      expect(await ask(await forge())).toMatchObject(bad);
    });

    it('a proof is required of a client with dpop_bound_access_tokens', async () => {
      const bound = await provider.createClient({
        grant_types: ['client_credentials'],
        dpop_bound_access_tokens: true,
      });
      expect(await post(provider, 'token', bound, GRANT)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      expect(await ask(await proof(provider, keys), provider, bound)).toMatchObject({ status: 200 });
    });
  });

  describe('for an app of a person', () => {
    let app: Client;
    let person: Person;
    let agent: UserAgent;
    let foreign: Keys;
    beforeAll(async () => {
      [app, person, foreign] = await Promise.all([
        provider.createClient({}, { isPublic: true }),
        provider.createPerson(),
        newKeys(),
      ]);
      agent = new UserAgent(provider.url);
    });
    const exchangeWith = async (code: string, own: Keys) =>
      post<Record<string, string>>(
        provider,
        'token',
        app,
        {
          grant_type: 'authorization_code',
          code,
          redirect_uri: app.redirectUri,
          code_verifier: VERIFIER,
        },
        { DPoP: await proof(provider, own) },
      );
    const codeFor = async (parameters: Record<string, string> = {}) =>
      (await authorize(provider, agent, app, person, parameters)).get('code') ?? '';

    it('binds a refresh token to the key, also during the grace period', async () => {
      const { body } = await exchangeWith(await codeFor(), keys);
      const again = async (own?: Keys) =>
        post<Record<string, string>>(
          provider,
          'token',
          app,
          { grant_type: 'refresh_token', refresh_token: body['refresh_token']! },
          own ? { DPoP: await proof(provider, own) } : {},
        );
      expect(await again(foreign)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      expect(await again()).toMatchObject({ status: 400 });
      const good = await again(keys);
      expect(good).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
      // It was just rotated: its successor is bound to the same key.
      expect(await again(foreign)).toMatchObject({ status: 400 });
      expect(await again(keys)).toMatchObject({
        status: 200,
        body: { refresh_token: good.body['refresh_token'] },
      });
    });

    it.each([
      ['opaque', 'openid'],
      ['for an API', 'openid me:profile:read'],
    ])(
      'makes userinfo refuse an access token (%s) as Bearer or with another client’s proof',
      async (_, scope) => {
        const { body } = await exchangeWith(await codeFor({ scope }), keys);
        const token = body['access_token']!;
        expect(body['scope']).toBe(scope);
        const info = async (own: Keys, claims: Record<string, unknown> = {}) =>
          (
            await fetch(`${provider.url}/oauth2/userinfo`, {
              headers: {
                authorization: `DPoP ${token}`,
                DPoP: await proof(provider, own, {
                  token,
                  claims: { htm: 'GET', htu: `${provider.url}/oauth2/userinfo`, ...claims },
                }),
              },
            })
          ).status;
        expect(await info(keys)).toBe(200);
        expect(await info(foreign)).toBe(401);
        expect(await info(keys, { ath: 'AAAA' })).toBe(401);
        expect((await userinfo(provider, token)).status).toBe(401);
        expect(await introspect(provider, app, token)).toMatchObject({
          body: {
            active: true,
            token_type: 'DPoP',
            cnf: { jkt: await calculateJwkThumbprint(keys.publicJwk) },
          },
        });
      },
    );

    it('binds a code requested with dpop_jkt to that key', async () => {
      const jkt = await calculateJwkThumbprint(keys.publicJwk);
      const code = await codeFor({ dpop_jkt: jkt });
      expect(await exchange(provider, app, code)).toMatchObject({ status: 400 });
      expect(await exchangeWith(await codeFor({ dpop_jkt: jkt }), foreign)).toMatchObject({ status: 400 });
      expect(await exchangeWith(await codeFor({ dpop_jkt: jkt }), keys)).toMatchObject({ status: 200 });
    });

    it('binds a code from a request pushed with a proof', async () => {
      const { searchParams } = new URL(authorizationUrl(provider, app));
      const DPoP = await proof(provider, keys, { claims: { htu: `${provider.url}/oauth2/par` } });
      const pushed = await post<{ request_uri: string }>(
        provider,
        'par',
        app,
        Object.fromEntries(searchParams),
        { DPoP },
      );
      expect(pushed.status).toBe(201);
      const url = `/oauth2/authorize?client_id=${app.id}&request_uri=${encodeURIComponent(pushed.body.request_uri)}`;
      const { leftFor } = await answer(agent, await agent.open(url), person);
      const code = leftFor?.searchParams.get('code') ?? '';
      expect(await exchangeWith(code, foreign)).toMatchObject({ status: 400 });
    });
  });

  it('works with openid-client, including nonces', async () => {
    await provider.createApi({ identifier: API });
    const careful = await provider.createClient({
      grant_types: ['client_credentials'],
      dpop_require_nonce: true,
    });
    const config = await openid.discovery(new URL(provider.url), careful.id, careful.secret, undefined, {
      execute: [openid.allowInsecureRequests],
    });
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair());
    const tokens = await openid.clientCredentialsGrant(config, { resource: API }, { DPoP });
    expect(tokens.token_type).toBe('dpop');
    const { cnf } = decodeJwt<{ cnf: { jkt: string } }>(tokens.access_token);
    expect(cnf.jkt).toBe(await DPoP.calculateThumbprint());
  });
});
