import { beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import * as oidc from 'openid-client';
import { answer, authorizationUrl, post } from './support/flow.ts';
import { type ClientKeys, clientKeys, type KeyPair } from './support/keys.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { attempt, relyingParty, visit } from './support/relying-party.ts';
import { UserAgent } from './support/user-agent.ts';

let provider: Provider;
let person: Person;
let keys: ClientKeys;
beforeAll(async () => {
  [provider, keys] = await Promise.all([startProvider(), clientKeys()]);
  person = await provider.createPerson();
});

const payloadOf = (page: { leftFor: URL | null }) => Object.fromEntries(page.leftFor?.searchParams ?? []);

describe('a signed request (RFC 9101)', () => {
  let client: Client;
  let strict: Client;
  beforeAll(async () => {
    client = await provider.createClient({ jwks: keys.jwks });
    strict = await provider.createClient({
      jwks: keys.jwks,
      require_signed_request_object: true,
      request_object_signing_alg: 'ES256',
    });
  });

  const claims = (of: Client, more: object = {}) => ({
    iss: of.id,
    aud: provider.url,
    client_id: of.id,
    redirect_uri: of.redirectUri,
    response_type: 'code',
    scope: 'openid',
    state: 'signed-state',
    ...Object.fromEntries(new URL(authorizationUrl(provider, of)).searchParams),
    ...more,
  });
  const sign = (payload: object, header: object = {}, key: KeyPair['privateKey'] = keys.signing.privateKey) =>
    new SignJWT({ ...payload })
      .setProtectedHeader({ alg: 'ES256', typ: 'oauth-authz-req+jwt', kid: 'signs', ...header })
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(key);
  const open = (of: Client, parameters: Record<string, string>) =>
    new UserAgent(provider.url).open(
      `${provider.url}/oauth2/authorize?${new URLSearchParams({ client_id: of.id, ...parameters }).toString()}`,
    );

  it('from openid-client is accepted', async () => {
    const config = await relyingParty(provider, strict);
    const { parameters, checks } = await attempt(strict);
    const url = await oidc.buildAuthorizationUrlWithJAR(config, parameters, {
      key: keys.signing.privateKey,
      kid: 'signs',
    });
    const tokens = await oidc.authorizationCodeGrant(config, await visit(provider, url, person), checks);
    expect(tokens.claims()).toMatchObject({ sub: person.id });
  });

  it('can be pushed, and parameters beside it are ignored', async () => {
    const request = await sign(claims(client, { state: 'signed-state' }));
    const pushed = await post<{ request_uri: string }>(provider, 'par', client, {
      request,
      state: 'outside',
    });
    expect(pushed.status).toBe(201);
    const agent = new UserAgent(provider.url);
    const page = await answer(
      agent,
      await agent.open(
        authorizationUrl(provider, client, { request_uri: pushed.body.request_uri, state: 'also' }),
      ),
      person,
    );
    expect(page.leftFor?.searchParams.get('state')).toBe('signed-state');
  });

  it.each(['OAuTH-auThZ-REQ+JWt', 'application/oauth-authz-req+jwt', 'jwt'])(
    'may have the type %s, in any case (RFC 7515 section 4.1.9)',
    async (typ) => {
      const request = await sign(claims(client), { typ });
      expect((await post(provider, 'par', client, { request })).status).toBe(201);
    },
  );

  it('is required of a client with require_signed_request_object', async () => {
    const page = await open(strict, claims(strict));
    expect(payloadOf(page)).toMatchObject({ error: 'invalid_request', iss: provider.url });
  });

  const attackers = async () => (await generateKeyPair('ES256', { extractable: true })).privateKey;
  const secretOf = (of: Client) => new TextEncoder().encode(of.secret.padEnd(32, ' '));
  const bad: [string, (of: Client) => Promise<string>][] = [
    ['no signature', async (of) => new UnsecuredJWT(claims(of)).encode()],
    ['another client’s signature', async (of) => sign(claims(of), {}, await attackers())],
    [
      'an embedded key',
      async (of) => {
        const pair = await generateKeyPair('ES256', { extractable: true });
        return sign(claims(of), { jwk: await exportJWK(pair.publicKey), kid: undefined }, pair.privateKey);
      },
    ],
    [
      'an HMAC with the client secret',
      async (of) => new SignJWT(claims(of)).setProtectedHeader({ alg: 'HS256' }).sign(secretOf(of)),
    ],
    [
      'an HMAC with the public key',
      async (of) =>
        new SignJWT(claims(of))
          .setProtectedHeader({ alg: 'HS256', kid: 'signs' })
          .sign(new TextEncoder().encode(JSON.stringify(keys.jwks.keys[0]))),
    ],
    ['another issuer', (of) => sign(claims(of, { iss: 'somebody' }))],
    ['another audience', (of) => sign(claims(of, { aud: 'https://other.example.test' }))],
    ['another client', (of) => sign(claims(of, { client_id: 'somebody' }))],
    [
      'an expiry in the past',
      (of) =>
        sign(claims(of)).then(() =>
          new SignJWT(claims(of))
            .setProtectedHeader({ alg: 'ES256', kid: 'signs' })
            .setExpirationTime('-1m')
            .sign(keys.signing.privateKey),
        ),
    ],
    ['a time in the future', (of) => sign(claims(of, { nbf: Math.floor(Date.now() / 1000) + 600 }))],
    ['a request in it', (of) => sign(claims(of, { request: 'x' }))],
    ['a request_uri in it', (of) => sign(claims(of, { request_uri: 'urn:ietf:params:oauth:request_uri:x' }))],
    ['the claims of a client assertion', (of) => sign(claims(of, { sub: of.id }))],
    ['the type of another JWT', (of) => sign(claims(of), { typ: 'at+jwt' })],
    ['something that is not a JWT', async () => 'x'],
    ['five parts', async () => 'a.b.c.d.e'],
    [
      'a payload that is not an object',
      async () => `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.W10.x`,
    ],
  ];
  it.each(bad)('with %s is refused', async (_what, make) => {
    const request = await make(client);
    const page = await open(client, { request, redirect_uri: client.redirectUri, response_type: 'code' });
    expect(page.status).toBeLessThan(500);
    const error = page.leftFor?.searchParams.get('error') ?? /<code>([a-z_]+)<\/code>/.exec(page.html)?.[1];
    expect(error).toMatch(/^invalid_request(_object)?$/);
    const pushed = await post(provider, 'par', client, { request });
    expect(pushed).toMatchObject({ status: 400, body: { error: expect.stringMatching(/^invalid_request/) } });
  });

  it('is never fetched from a URL', async () => {
    const page = await open(client, {
      request_uri: 'https://attacker.example.test/request.jwt',
      redirect_uri: client.redirectUri,
      response_type: 'code',
    });
    expect(payloadOf(page)).toMatchObject({ error: 'request_uri_not_supported' });
  });
});
