import { KeyObject, randomUUID, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { exportSPKI, SignJWT } from 'jose';
import { createService, JWT_BEARER, redeem } from './support/assertions.ts';
import { post } from './support/flow.ts';
import { assertion, epoch, type Keys, newKeys } from './support/proofs.ts';
import { type Client, type Provider, startProvider } from './support/provider.ts';
import { startRequestRecorder, type RequestRecorder } from './support/request-recorder.ts';

const REPORTS = 'https://reports.example.test';
const CI = 'https://ci.example.test';
const JOB = 'repo:example/app:main';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const refused = { status: 400, body: { error: 'invalid_grant' } };

describe('the JWT bearer grant', () => {
  let provider: Provider;
  let keys: Keys;
  let service: Client;
  let watcher: Client;
  beforeAll(async () => {
    [provider, keys] = await Promise.all([
      startProvider({ settings: { outbound: { allow: ['127.0.0.1'] } } }),
      newKeys(),
    ]);
    await provider.createApi({ identifier: REPORTS });
    [service, watcher] = await Promise.all([
      createService(provider, { jwks: { keys: [keys.publicJwk] }, scope: 'read' }),
      provider.createClient({ grant_types: ['client_credentials'] }),
    ]);
  });

  describe('refuses an assertion', () => {
    it.each<[string, Record<string, unknown>]>([
      ['for another server', { aud: 'https://other.example.test' }],
      ['for another endpoint', { aud: 'ISSUER/oauth2/par' }],
      ['for several audiences', { aud: ['https://other.example.test', 'ISSUER/oauth2/par'] }],
      ['for the issuer with a trailing slash', { aud: 'ISSUER/' }],
      ['without an audience', { aud: undefined }],
      ['for an empty list of audiences', { aud: [] }],
      ['by another issuer', { iss: 'somebody' }],
      ['about another subject', { sub: 'somebody' }],
      ['without an issuer', { iss: undefined }],
      ['without a subject', { sub: undefined }],
      ['with numeric iss and sub', { iss: 7, sub: 7 }],
      ['without an expiry', { exp: undefined }],
      ['that has expired', { exp: epoch() - 60 }],
      ['that expires too late', { exp: epoch() + 86_400 }],
      ['with an expiry in words', { exp: 'tomorrow' }],
      ['that never expires', { exp: 1e300 }],
      ['that is not yet valid', { nbf: epoch() + 86_400 }],
      ['issued in the future', { iat: epoch() + 86_400 }],
      ['without an id', { jti: undefined }],
      ['with an empty id', { jti: '' }],
      ['with an id that is not a string', { jti: { a: 1 } }],
      ['with an overlong id', { jti: 'x'.repeat(300) }],
    ])('%s', async (_what, changes) => {
      const claims = JSON.parse(JSON.stringify(changes).replaceAll('ISSUER', provider.url)) as Record<
        string,
        unknown
      >;
      const signed = await assertion(provider, service.id, keys, { claims: { ...changes, ...claims } });
      expect(await redeem(provider, service, signed)).toMatchObject(refused);
    });

    describe('that is forged:', () => {
      let attacker: Keys;
      let lair: RequestRecorder;
      beforeAll(async () => {
        attacker = await newKeys();
        lair = await startRequestRecorder((_req, res) =>
          res.end(JSON.stringify({ keys: [attacker.publicJwk] })),
        );
      });

      const forgeries: [string, () => Promise<string>][] = [
        ['by another key', () => assertion(provider, service.id, attacker)],
        [
          'by another key under the right key id',
          () => assertion(provider, service.id, { ...attacker, publicJwk: keys.publicJwk }),
        ],
        [
          'with an embedded key',
          () => assertion(provider, service.id, attacker, { header: { jwk: attacker.publicJwk } }),
        ],
        [
          'with a URL of its keys (jku)',
          () => assertion(provider, service.id, attacker, { header: { jku: `${lair.url()}/jku` } }),
        ],
        [
          'with a URL of its certificate (x5u)',
          () => assertion(provider, service.id, attacker, { header: { x5u: `${lair.url()}/x5u` } }),
        ],
        [
          'unsigned (none)',
          async () => {
            const [, payload] = (await assertion(provider, service.id, keys)).split('.');
            return `${encode({ alg: 'none' })}.${payload}.`;
          },
        ],
        [
          'unsigned but with a signature',
          async () => {
            const [, payload, signature] = (await assertion(provider, service.id, keys)).split('.');
            return `${encode({ alg: 'None' })}.${payload}.${signature}`;
          },
        ],
        [
          'with the public key as a secret (PEM)',
          async () => hmac(new TextEncoder().encode(await exportSPKI(keys.publicKey))),
        ],
        [
          'with the public key as a secret (JWK)',
          () => hmac(new TextEncoder().encode(JSON.stringify(keys.publicJwk))),
        ],
        [
          'with another payload',
          async () => {
            const [header, payload = '', signature] = (await assertion(provider, service.id, keys)).split(
              '.',
            );
            const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
            return `${header}.${encode({ ...claims, exp: epoch() + 200 })}.${signature}`;
          },
        ],
        [
          'without its signature',
          async () => (await assertion(provider, service.id, keys)).replace(/[^.]*$/, ''),
        ],
        [
          'with an unknown critical extension (crit)',
          async () => {
            const [, payload] = (await assertion(provider, service.id, keys)).split('.');
            const header = { alg: 'ES256', kid: keys.publicJwk.kid, crit: ['x'], x: 1 };
            const data = `${encode(header)}.${payload}`;
            const key = KeyObject.from(keys.privateKey);
            const signature = sign('sha256', Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' });
            return `${data}.${signature.toString('base64url')}`;
          },
        ],
        [
          'of another JWT type',
          () => assertion(provider, service.id, keys, { header: { typ: 'oauth-authz-req+jwt' } }),
        ],
        ['of a type that is no string', () => assertion(provider, service.id, keys, { header: { typ: 7 } })],
      ];
      const hmac = (secret: Uint8Array) =>
        new SignJWT({
          iss: service.id,
          sub: service.id,
          aud: provider.url,
          jti: randomUUID(),
          exp: epoch() + 60,
        })
          .setProtectedHeader({ alg: 'HS256', kid: keys.publicJwk.kid ?? '' })
          .sign(secret);

      it.each(forgeries)('%s', async (_what, forge) => {
        expect(await redeem(provider, service, await forge())).toMatchObject(refused);
        expect(lair.requests).toEqual([]);
      });
    });

    it.each([
      ['nonsense', 'nonsense'],
      ['three empty parts', '..'],
      ['two parts', 'a.b'],
      ['five parts', 'a.b.c.d.e'],
      ['an array', `${encode({ alg: 'ES256' })}.${encode([])}.x`],
      ['a NUL byte', 'a\0b.c.d'],
      ['a number', '42'],
      ['an overlong value', `${'x'.repeat(20_000)}.y.z`],
    ])('that is malformed: %s', async (_what, assertion) => {
      expect(await redeem(provider, service, assertion)).toMatchObject(refused);
    });

    it('of another client, and one used by another client', async () => {
      const other = await createService(provider, { jwks: { keys: [(await newKeys()).publicJwk] } });
      const signed = await assertion(provider, service.id, keys);
      expect(await redeem(provider, other, signed)).toMatchObject(refused);
      expect(await redeem(provider, service, signed)).toMatchObject({ status: 200 });
    });
  });

  it('refuses malformed requests as specified', async () => {
    const fresh = () => assertion(provider, service.id, keys);
    const invalid = { status: 400, body: { error: 'invalid_request' } };
    const of = (parameters: Record<string, string | string[]>) =>
      post(provider, 'token', service, { grant_type: JWT_BEARER, ...parameters });
    expect(await of({})).toMatchObject(invalid);
    expect(await of({ assertion: '' })).toMatchObject(invalid);
    expect(await of({ assertion: [await fresh(), await fresh()] })).toMatchObject(invalid);
    expect(await of({ assertion: await fresh(), scope: ['read', 'read'] })).toMatchObject(invalid);
    for (const [parameters, error] of [
      [{ resource: REPORTS, scope: 'write' }, 'invalid_scope'],
      [{ resource: REPORTS, scope: 'nonsense' }, 'invalid_scope'],
      [{ resource: 'https://nowhere.example.test' }, 'invalid_target'],
      [{ resource: 'reports' }, 'invalid_target'],
      [{ resource: [REPORTS, `${provider.url}/api/v2`] }, 'invalid_target'],
    ] as const) {
      expect(await of({ assertion: await fresh(), ...parameters } as Record<string, string>)).toMatchObject({
        status: 400,
        body: { error },
      });
    }
    expect(await redeem(provider, watcher, await fresh())).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    });
    const nobody = await fetch(`${provider.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: JWT_BEARER, assertion: await fresh() }),
    });
    expect(nobody.status).toBe(400);
  });

  it.each<[string, object, { isPublic?: boolean }]>([
    ['has no keys', { grant_types: [JWT_BEARER] }, {}],
    [
      'registers a private key',
      {
        grant_types: [JWT_BEARER],
        assertion_issuers: [{ issuer: CI, subject: JOB, jwks: { keys: [{ kty: 'EC', d: 'x' }] } }],
      },
      {},
    ],
    [
      'registers a secret',
      {
        grant_types: [JWT_BEARER],
        assertion_issuers: [{ issuer: CI, subject: JOB, jwks: { keys: [{ kty: 'oct', k: 'x' }] } }],
      },
      {},
    ],
    [
      'names an issuer without keys',
      { grant_types: [JWT_BEARER], assertion_issuers: [{ issuer: CI, subject: JOB }] },
      {},
    ],
    [
      'names an issuer for any subject',
      { grant_types: [JWT_BEARER], assertion_issuers: [{ issuer: CI, jwks_uri: CI }] },
      {},
    ],
    [
      'has no credentials and wants client credentials',
      { grant_types: ['client_credentials'] },
      { isPublic: true },
    ],
    [
      'has no credentials and wants token exchange',
      {
        grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'],
        response_types: [],
        redirect_uris: [],
      },
      { isPublic: true },
    ],
  ])('cannot be registered by a client that %s', async (_what, metadata, options) => {
    const none = { response_types: [], redirect_uris: [] };
    await expect(provider.createClient({ ...none, ...metadata }, options)).rejects.toMatchObject({
      code: 'invalid_client_metadata',
    });
  });
});
