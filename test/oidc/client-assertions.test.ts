import { createHmac, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { exportSPKI } from 'jose';
import * as openid from 'openid-client';
import { form, post } from './support/flow.ts';
import { assertion, ASSERTION_TYPE, epoch, type Keys, newKeys, proof } from './support/proofs.ts';
import { type Client, type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';
import { startRequestRecorder, type RequestRecorder } from './support/request-recorder.ts';

const GRANT = { grant_type: 'client_credentials' };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('private_key_jwt', () => {
  let provider: Provider;
  let keys: Keys;
  let id: string;
  beforeAll(async () => {
    [provider, keys] = await Promise.all([startProvider(), newKeys()]);
    ({ id } = await provider.createClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [keys.publicJwk] },
    }));
  });

  const send = (node: { url: string }, client_assertion: string, more: Record<string, string> = {}) =>
    fetch(`${node.url}/oauth2/token`, {
      method: 'POST',
      body: form({ ...GRANT, client_assertion_type: ASSERTION_TYPE, client_assertion, ...more }),
    });

  it('works with openid-client', async () => {
    const config = await openid.discovery(
      new URL(provider.url),
      id,
      undefined,
      openid.PrivateKeyJwt({ key: keys.privateKey, kid: keys.publicJwk.kid ?? '' }),
      { execute: [openid.allowInsecureRequests] },
    );
    expect(await openid.clientCredentialsGrant(config)).toMatchObject({ token_type: 'bearer' });
  });

  it.each<[string, Record<string, unknown>]>([
    ['for another server', { aud: 'https://other.example.test' }],
    ['for another endpoint', { aud: 'ISSUER/oauth2/par' }],
    ['for several audiences', { aud: ['https://other.example.test', 'ISSUER/oauth2/par'] }],
    ['for an empty list of audiences', { aud: [] }],
    ['for the issuer with a trailing slash', { aud: 'ISSUER/' }],
    ['without an audience', { aud: undefined }],
    ['by another issuer', { iss: 'somebody' }],
    ['about another subject', { sub: 'somebody' }],
    ['without a subject', { sub: undefined }],
    ['with numeric iss and sub', { iss: 7, sub: 7 }],
    ['without an expiry', { exp: undefined }],
    ['that has expired', { exp: epoch() - 60 }],
    ['that expires too late', { exp: epoch() + 7200 }],
    ['with an expiry in words', { exp: 'tomorrow' }],
    ['issued in the future', { nbf: epoch() + 600 }],
    ['without an id', { jti: undefined }],
    ['with an id that is not a string', { jti: { a: 1 } }],
    ['with an overlong id', { jti: 'x'.repeat(256) }],
  ])('refuses an assertion %s', async (_, changes) => {
    const filled = JSON.parse(JSON.stringify(changes).replaceAll('ISSUER', provider.url)) as object;
    const claims = { ...changes, ...filled };
    const reply = await send(provider, await assertion(provider, id, keys, { claims }));
    expect([400, 401]).toContain(reply.status);
    expect(await reply.json()).toMatchObject({ error: expect.stringMatching(/^invalid_(client|request)$/) });
  });

  it('accepts an id of 255 characters', async () => {
    const claims = { jti: randomUUID().padEnd(255, 'x') };
    expect((await send(provider, await assertion(provider, id, keys, { claims }))).status).toBe(200);
  });

  describe('accepts as audience', () => {
    const CIBA = 'urn:openid:params:grant-type:ciba';
    const HOUR = 3600;
    const AUDIENCES = ['ISSUER', 'TOKEN', 'HERE', ['ISSUER', 'https://other.example.test'], ['TOKEN']];
    const REQUESTS: [string, Record<string, string>, string | undefined][] = [
      ['token', GRANT, undefined],
      [
        'par',
        {
          redirect_uri: REDIRECT_URI,
          response_type: 'code',
          scope: 'openid',
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
        },
        undefined,
      ],
      ['introspect', { token: 'x' }, undefined],
      // The hint is unknown: this error comes only after client authentication.
      ['bc-authorize', { scope: 'openid', login_hint: 'nobody' }, 'unknown_user_id'],
    ];

    it.each(['oauth2.1', 'fapi2'])('every specified form, up to an hour ahead, with %s', async (profile) => {
      const client = await provider.createClient({
        profile,
        grant_types: ['client_credentials', 'authorization_code', CIBA],
        response_types: ['code'],
        redirect_uris: [REDIRECT_URI],
        backchannel_token_delivery_mode: 'poll',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [keys.publicJwk] },
      });
      const answers: unknown[] = [];
      const expected: unknown[] = [];
      for (const [endpoint, parameters, error] of REQUESTS)
        for (const audience of AUDIENCES) {
          const url = `${provider.url}/oauth2/${endpoint}`;
          const aud = JSON.parse(
            JSON.stringify(audience)
              .replace('ISSUER', provider.url)
              .replace('TOKEN', `${provider.url}/oauth2/token`)
              .replace('HERE', url),
          ) as unknown;
          const claims = { aud, exp: epoch() + HOUR };
          const client_assertion = await assertion(provider, client.id, keys, { claims });
          const reply = await fetch(url, {
            method: 'POST',
            headers: { dpop: await proof(provider, keys, { claims: { htu: url } }) },
            body: form({
              ...parameters,
              client_id: client.id,
              client_assertion,
              client_assertion_type: ASSERTION_TYPE,
            }),
          });
          const body = (await reply.json()) as { error?: string };
          answers.push([endpoint, audience, body.error]);
          const isTaken = profile !== 'fapi2' || audience === 'ISSUER';
          expected.push([endpoint, audience, isTaken ? error : 'invalid_client']);
        }
      expect(answers).toEqual(expected);
    });
  });

  describe('with a forged assertion', () => {
    let attacker: RequestRecorder;
    let foreign: Keys;
    beforeAll(async () => {
      foreign = await newKeys();
      attacker = await startRequestRecorder((_req, res) =>
        res.end(JSON.stringify({ keys: [foreign.publicJwk] })),
      );
    });
    const claims = () => ({
      iss: id,
      sub: id,
      aud: provider.url,
      jti: randomUUID(),
      iat: epoch(),
      exp: epoch() + 60,
    });
    const unsigned = (header: object) => `${encode(header)}.${encode(claims())}.`;

    it.each<[string, () => Promise<string> | string]>([
      ['without a signature', () => unsigned({ alg: 'none' })],
      [
        'signed by another key',
        () => assertion(provider, id, foreign, { header: { kid: keys.publicJwk.kid } }),
      ],
      [
        'with an HMAC by the public key',
        async () => {
          const signed = `${encode({ alg: 'HS256' })}.${encode(claims())}`;
          const mac = createHmac('sha256', await exportSPKI(keys.publicKey));
          return `${signed}.${mac.update(signed).digest('base64url')}`;
        },
      ],
      [
        'with an embedded key',
        () => assertion(provider, id, foreign, { header: { jwk: foreign.publicJwk } }),
      ],
      [
        'with a key at a URL',
        () => assertion(provider, id, foreign, { header: { jku: attacker.url(), x5u: attacker.url() } }),
      ],
      ['with an unknown critical extension', () => unsigned({ alg: 'ES256', crit: ['x'], x: 1 })],
      ['that is not a JWT', () => 'a.b.c'],
      ['that is empty', () => ''],
      ['that is too long', () => `${'a'.repeat(40_000)}.b.c`],
      ['with another algorithm', async () => assertion(provider, id, await newKeys('ES384'))],
    ])('%s is refused, and nothing is fetched', async (_, forge) => {
      const reply = await send(provider, await forge());
      expect([400, 401]).toContain(reply.status);
      expect(await reply.json()).toMatchObject({
        error: expect.stringMatching(/^invalid_(client|request)$/),
      });
      expect(attacker.requests).toEqual([]);
    });
  });

  describe('and other methods:', () => {
    let secret: Client;
    beforeAll(async () => {
      secret = await provider.createClient({ grant_types: ['client_credentials'] });
    });
    const basic = ({ id, secret }: Client) => ({
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    });
    const ask = async (body: Record<string, string | string[]>, headers = {}, query = '') => {
      const reply = await fetch(`${provider.url}/oauth2/token${query}`, {
        method: 'POST',
        headers,
        body: form({ ...GRANT, ...body }),
      });
      return [reply.status, ((await reply.json()) as { error?: string }).error];
    };

    it('a secret is accepted in header or body', async () => {
      expect(await ask({}, basic(secret))).toEqual([200, undefined]);
      expect(await ask({ client_id: secret.id, client_secret: secret.secret })).toEqual([200, undefined]);
    });

    it.each<[string, () => Promise<unknown[]>]>([
      ['header and body', () => ask({ client_secret: secret.secret }, basic(secret))],
      [
        'header and assertion',
        async () =>
          ask(
            { client_assertion: await assertion(provider, id, keys), client_assertion_type: ASSERTION_TYPE },
            basic(secret),
          ),
      ],
      ['a secret twice', () => ask({ client_id: secret.id, client_secret: [secret.secret, secret.secret] })],
      ['two clients', () => ask({ client_id: id }, basic(secret))],
      ['a secret in the query', () => ask({}, basic(secret), `?client_secret=${secret.secret}`)],
      [
        'an assertion in the query',
        async () => ask({}, basic(secret), `?client_assertion=${await assertion(provider, id, keys)}`),
      ],
      ['another scheme', () => ask({}, { authorization: `Bearer ${secret.secret}` })],
      ['invalid Base64', () => ask({}, { authorization: 'Basic ***' })],
      ['nothing', () => ask({})],
    ])('a request is refused with %s', async (_, send) => {
      expect(await send()).toEqual([400, 'invalid_request']);
    });

    it.each<[string, () => Promise<unknown[]>]>([
      ['only the client_id of a client with a secret', () => ask({ client_id: secret.id })],
      ['a wrong secret', () => ask({ client_id: secret.id, client_secret: 'wrong' })],
      [
        'the hash of the secret',
        async () => ask({ client_id: secret.id, client_secret: await hashOf(secret) }),
      ],
      ['a secret for a client with a key', () => ask({ client_id: id, client_secret: 'x' })],
      [
        'an assertion for a client with a secret',
        async () =>
          ask({
            client_assertion: await assertion(provider, secret.id, keys),
            client_assertion_type: ASSERTION_TYPE,
          }),
      ],
    ])('a request is refused with %s', async (_, send) => {
      expect(await send()).toEqual([401, 'invalid_client']);
    });

    const hashOf = async (client: Client) => {
      const [row] = await provider.sql('select secret_hash from clients where id = $1', [client.id]);
      return String(row?.['secret_hash']);
    };
  });

  it('accepts only the registered algorithm', async () => {
    const { id: pinned } = await provider.createClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'PS256',
      jwks: { keys: [keys.publicJwk] },
    });
    expect((await send(provider, await assertion(provider, pinned, keys))).status).toBe(401);
  });

  it('works at introspection and revocation too', async () => {
    for (const endpoint of ['introspect', 'revoke'] as const) {
      const reply = await post(
        provider,
        endpoint,
        { id, secret: '', redirectUri: '' },
        {
          token: 'nothing',
          client_assertion_type: ASSERTION_TYPE,
          client_assertion: await assertion(provider, id, keys),
        },
      );
      expect(reply.status).toBe(200);
    }
  });
});
