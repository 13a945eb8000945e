import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { expectNoFailure } from '../support/failures.ts';
import {
  authorizationUrl,
  form,
  introspect,
  post,
  type Reply,
  signIn,
  type Tokens,
  userinfo,
} from './support/flow.ts';
import { assertion, ASSERTION_TYPE, epoch, type Keys, newKeys } from './support/proofs.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';
import { startRequestRecorder, type RequestRecorder } from './support/request-recorder.ts';

const API = 'https://api.example.test';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const CIBA = 'urn:openid:params:grant-type:ciba';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The parts of a valid JWT. */
interface Genuine {
  header: object;
  claims: object;
  /** The public key that verifies it. */
  publicKey: JsonWebKey;
}

describe('a forged JWT', () => {
  let provider: Provider;
  let client: Client;
  let app: Client;
  let person: Person;
  let agent: UserAgent;
  let tokens: Tokens;
  let own: Keys;
  let foreign: Keys;
  let attacker: RequestRecorder;
  let published: (JsonWebKey & { kid: string })[];
  beforeAll(async () => {
    [own, foreign] = await Promise.all([newKeys(), newKeys()]);
    attacker = await startRequestRecorder((_request, response) =>
      response.end(JSON.stringify({ keys: [foreign.publicJwk] })),
    );
    // Let the server reach the attacker: not asking must be its own decision.
    provider = await startProvider({ settings: { outbound: { allow: ['127.0.0.1'] } } });
    await provider.createApi({ identifier: API });
    [client, app, person] = await Promise.all([
      provider.createClient({
        grant_types: ['client_credentials', EXCHANGE, JWT_BEARER, CIBA],
        redirect_uris: [],
        response_types: [],
        backchannel_token_delivery_mode: 'poll',
        token_exchange: { audiences: [API], clients: [], impersonation: true },
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [own.publicJwk] },
      }),
      provider.createClient({ jwks: { keys: [own.publicJwk] } }),
      provider.createPerson(),
    ]);
    agent = new UserAgent(provider.url);
    tokens = await signIn(provider, app, person, {
      agent,
      parameters: { scope: 'openid read', resource: API },
    });
    const reply = await fetch(`${provider.url}/oauth2/jwks`);
    published = ((await reply.json()) as { keys: typeof published }).keys;
  });
  afterAll(() => expectNoFailure(provider.postern));

  /** A token issued by Postern. */
  function ofPostern(token: string): Genuine {
    const header = decodeProtectedHeader(token);
    const publicKey = published.find(({ kid }) => kid === header.kid) ?? {};
    return { header, claims: { ...decodeJwt(token), jti: 'forged' }, publicKey };
  }
  /** A JWT signed by the client. */
  const ofClient = (id: string, claims: object = {}): Genuine => ({
    header: { alg: 'ES256', kid: own.publicJwk.kid },
    claims: {
      iss: id,
      sub: id,
      aud: provider.url,
      iat: epoch(),
      exp: epoch() + 60,
      jti: 'forged',
      ...claims,
    },
    publicKey: own.publicJwk,
  });

  async function byForeignKey({ header, claims }: Genuine, more: object, keys = foreign): Promise<string> {
    const signed = `${encode({ ...header, alg: 'ES256', ...more })}.${encode(claims)}`;
    const signature = await crypto.subtle.sign(
      { name: 'ECDSA', hash: 'SHA-256' },
      keys.privateKey,
      Buffer.from(signed),
    );
    return `${signed}.${Buffer.from(signature).toString('base64url')}`;
  }
  function byHmac({ header, claims }: Genuine, secret: string): string {
    const signed = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  }
  const pem = ({ publicKey }: Genuine) =>
    createPublicKey({ key: publicKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();

  const forgeries: [string, (genuine: Genuine) => Promise<string> | string][] = [
    [
      'without a signature',
      ({ header, claims }) => `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`,
    ],
    ['with “nOnE”', ({ header, claims }) => `${encode({ ...header, alg: 'nOnE' })}.${encode(claims)}.`],
    ['by another key', (genuine) => byForeignKey(genuine, {})],
    ['by an embedded key', (genuine) => byForeignKey(genuine, { jwk: foreign.publicJwk })],
    [
      'by a key at an embedded URL',
      (genuine) =>
        byForeignKey(genuine, { kid: foreign.publicJwk.kid, jku: attacker.url(), x5u: attacker.url() }),
    ],
    ['by an HMAC with the public key as PEM', (genuine) => byHmac(genuine, pem(genuine))],
    [
      'by an HMAC with the public key as JWK',
      (genuine) => byHmac(genuine, JSON.stringify(genuine.publicKey)),
    ],
    ['by an HMAC with an empty key', (genuine) => byHmac(genuine, '')],
    ['by an empty signature', ({ header, claims }) => `${encode(header)}.${encode(claims)}.`],
    [
      'by a signature of zeros',
      ({ header, claims }) => `${encode(header)}.${encode(claims)}.${Buffer.alloc(64).toString('base64url')}`,
    ],
    ['with an unknown critical extension', (genuine) => byForeignKey(genuine, { crit: ['x'], x: 1 })],
  ];

  const asClient = async (endpoint: Parameters<typeof post>[1], parameters: Record<string, string>) => {
    const signed = await assertion(provider, client.id, own);
    return post(
      provider,
      endpoint,
      { ...client, secret: '' },
      { ...parameters, client_assertion_type: ASSERTION_TYPE, client_assertion: signed },
    );
  };
  const outcome = ({ status, body }: Reply) =>
    `${status} ${typeof body['error'] === 'string' ? body['error'] : JSON.stringify(body)}`;
  const atAuthorization = async (parameters: Record<string, string>) => {
    const { leftFor } = await agent.open(authorizationUrl(provider, app, parameters));
    return `${leftFor?.searchParams.get('error')}`;
  };

  const places: [string, () => Genuine, (forged: string) => Promise<string>, string][] = [
    [
      'an access token at userinfo',
      () => ofPostern(tokens.access_token),
      async (forged) => outcome(await userinfo(provider, forged)),
      '401 invalid_token',
    ],
    [
      'an access token at introspection',
      () => ofPostern(tokens.access_token),
      async (forged) => outcome(await introspect(provider, app, forged)),
      '200 {"active":false}',
    ],
    [
      'a token at revocation',
      () => ofPostern(tokens.access_token),
      async (forged) => {
        const { status } = await post(provider, 'revoke', app, { token: forged });
        const { body } = await introspect(provider, app, tokens.access_token);
        return `${status} ${String(body['active'])}`;
      },
      '200 true',
    ],
    [
      'an access token at Postern’s API',
      () => ofPostern(tokens.access_token),
      async (forged) =>
        String(
          (await fetch(`${provider.url}/api/v2/me`, { headers: { authorization: `Bearer ${forged}` } }))
            .status,
        ),
      '401',
    ],
    [
      'an id_token_hint at the authorization endpoint',
      () => ofPostern(tokens.id_token),
      (forged) => atAuthorization({ id_token_hint: forged, prompt: 'none' }),
      'invalid_request',
    ],
    [
      'an id_token_hint at logout',
      () => ofPostern(tokens.id_token),
      async (forged) =>
        String((await agent.open(`/oauth2/logout?${form({ id_token_hint: forged }).toString()}`)).status),
      '400',
    ],
    [
      'an id_token_hint at the backchannel endpoint',
      () => ofPostern(tokens.id_token),
      async (forged) => outcome(await asClient('bc-authorize', { scope: 'openid', id_token_hint: forged })),
      '400 invalid_request',
    ],
    [
      'a request object',
      () =>
        ofClient(app.id, {
          sub: undefined,
          client_id: app.id,
          response_type: 'code',
          redirect_uri: app.redirectUri,
        }),
      (forged) => atAuthorization({ request: forged }),
      'invalid_request_object',
    ],
    [
      'a client assertion',
      () => ofClient(client.id),
      async (forged) =>
        outcome(
          await post(
            provider,
            'token',
            { ...client, secret: '' },
            {
              grant_type: 'client_credentials',
              client_assertion_type: ASSERTION_TYPE,
              client_assertion: forged,
            },
          ),
        ),
      '401 invalid_client',
    ],
    [
      'an assertion as a grant',
      () => ofClient(client.id),
      async (forged) => outcome(await asClient('token', { grant_type: JWT_BEARER, assertion: forged })),
      '400 invalid_grant',
    ],
    [
      'a subject token of token exchange',
      () => ofPostern(tokens.access_token),
      async (forged) =>
        outcome(
          await asClient('token', {
            grant_type: EXCHANGE,
            resource: API,
            subject_token: forged,
            subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          }),
        ),
      '400 invalid_request',
    ],
  ];

  describe.each(places)('as %s', (_place, genuine, show, refused) => {
    it.each(forgeries)('%s is refused, and nothing is fetched', async (_how, forge) => {
      expect(await show(await forge(genuine()))).toBe(refused);
      expect(attacker.requests).toEqual([]);
    });
  });

  it.each(places.filter(([place]) => /assertion|request object/.test(place)))(
    'as %s would be accepted with its client’s signature',
    async (_place, genuine, show, refused) => {
      const { claims, ...rest } = genuine();
      const signed = await byForeignKey(
        { ...rest, claims: { ...claims, jti: crypto.randomUUID() } },
        {},
        own,
      );
      expect(await show(signed)).not.toBe(refused);
    },
  );
});
