import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, type JWK, SignJWT } from 'jose';
import { json } from '../cli/support/commands.ts';
import { until } from '../support/until.ts';
import { authorize, form, introspect, post, signIn, type Tokens, VERIFIER } from './support/flow.ts';
import { type Keys, newKeys } from './support/proofs.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { certificate, HEADERS } from './support/tls-proxy.ts';
import { UserAgent } from './support/user-agent.ts';
import { startRequestRecorder, type RequestRecorder } from './support/request-recorder.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const ACCESS_TOKEN = `${TYPE}access_token`;
const ID_TOKEN = `${TYPE}id_token`;
const ORDERS = 'https://orders.example.test';
const LEDGER = 'https://ledger.example.test';
const UNKNOWN = 'https://unknown.example.test';

type Parameters = Record<string, string | string[]>;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const refusedWith = (error: string) => ({ status: 400, body: { error } });
const INVALID = refusedWith('invalid_request');

describe('token exchange', () => {
  let provider: Provider;
  let person: Person;
  let app: Client;
  let gateway: Client;
  let tokens: Tokens;
  beforeAll(async () => {
    provider = await startProvider({
      settings: {
        http: { trustedProxies: ['127.0.0.1', '::1'] },
        mtls: { certificateHeader: HEADERS.certificate },
        outbound: { allow: ['127.0.0.1'] },
      },
    });
    await Promise.all([
      provider.createApi({ identifier: ORDERS }),
      provider.createApi({ identifier: LEDGER }),
    ]);
    [person, app] = await Promise.all([provider.createPerson(), provider.createClient()]);
    gateway = await createExchanger();
    tokens = await signedIn(app);
    expect(await exchange({})).toMatchObject({ status: 200 });
  });
  afterAll(() => {
    // None of this caused a server error.
    expect(provider.postern.output()).not.toMatch(/"level":"(error|fatal)"/);
  });

  const createExchanger = (policy: object = {}, metadata: object = {}) =>
    provider.createClient({
      grant_types: ['client_credentials', GRANT],
      token_exchange: { audiences: [LEDGER, UNKNOWN], clients: [app.id], impersonation: true, ...policy },
      ...metadata,
    });

  const signedIn = (by: Client) =>
    signIn(provider, by, person, { parameters: { scope: 'openid read', resource: ORDERS } });

  /** Exchanges the person's token with changes. An empty string leaves a parameter out. */
  const exchange = (changes: Parameters, by = gateway, headers: Record<string, string> = {}) => {
    const usual = {
      grant_type: GRANT,
      subject_token: tokens.access_token,
      subject_token_type: ACCESS_TOKEN,
      resource: LEDGER,
    };
    const all = Object.entries<string | string[]>({ ...usual, ...changes });
    const given = Object.fromEntries(all.filter(([, value]) => value !== ''));
    return post<Tokens>(provider, 'token', by, given, headers);
  };

  const ownToken = async (client: Client): Promise<string> => {
    const own = { grant_type: 'client_credentials' };
    return (await post<Tokens>(provider, 'token', client, own)).body.access_token;
  };

  it.each<[string, Parameters]>([
    ['no subject_token', { subject_token: '' }],
    ['no subject_token_type', { subject_token_type: '' }],
    ['neither', { subject_token: '', subject_token_type: '' }],
    ['only an actor_token_type', { actor_token_type: ACCESS_TOKEN }],
    ['an actor_token without its type', { actor_token: 'x' }],
    ['two subject_tokens', { subject_token: ['a', 'b'] }],
    ['two subject_token_types', { subject_token_type: [ACCESS_TOKEN, ID_TOKEN] }],
    ['two requested_token_types', { requested_token_type: [ACCESS_TOKEN, ACCESS_TOKEN] }],
    ['two scopes', { scope: ['read', 'read'] }],
    ['two grant_types', { grant_type: [GRANT, GRANT] }],
    ...['refresh_token', 'jwt', 'saml2', 'nonsense'].map((type): [string, Parameters] => [
      `a subject_token_type ${type}`,
      { subject_token_type: TYPE + type },
    ]),
    ['an unknown actor_token_type', { actor_token: 'x', actor_token_type: 'token' }],
    ...['refresh_token', 'id_token', 'jwt', 'saml1', 'nonsense'].map((type): [string, Parameters] => [
      `a requested_token_type ${type}`,
      { requested_token_type: TYPE + type },
    ]),
    ['an invalid subject_token', { subject_token: 'nonsense' }],
    ['a subject_token of three empty parts', { subject_token: '..' }],
    ['a subject_token with a NUL byte', { subject_token: 'a\0b' }],
    ['a subject_token with a lone surrogate', { subject_token: 'a\ud800.b.c' }],
    ['an overlong subject_token', { subject_token: 'x'.repeat(20_000) }],
    ['an overlong JWT', { subject_token: `${'x'.repeat(20_000)}.y.z` }],
    ['an invalid ID token', { subject_token: 'a.b.c', subject_token_type: ID_TOKEN }],
    [
      'an ID token for __proto__',
      {
        subject_token: `${encode({ alg: 'RS256' })}.${encode({ aud: '__proto__' })}.x`,
        subject_token_type: ID_TOKEN,
      },
    ],
    ['an invalid actor_token', { actor_token: 'nonsense', actor_token_type: ACCESS_TOKEN }],
  ])('is refused with %s', async (_what, changes) => {
    expect(await exchange(changes)).toMatchObject(INVALID);
  });

  it.each<[string, Parameters]>([
    ['an API that the client’s policy does not list', { resource: ORDERS }],
    ['an unknown API', { resource: UNKNOWN }],
    ['something that is not a URI', { resource: 'ledger' }],
    ['a URI with a fragment', { resource: `${LEDGER}#x` }],
    ['an API except for a slash', { resource: `${LEDGER}/` }],
    ['two APIs', { resource: [LEDGER, UNKNOWN] }],
    ['one API as resource and another as audience', { audience: UNKNOWN }],
    ['an audience that the client’s policy does not list', { resource: '', audience: ORDERS }],
    ['a client as audience', { resource: '', audience: 'CLIENT' }],
    ['nothing where two APIs are possible', { resource: '' }],
    ['markup', { resource: '"><script>alert(1)</script>' }],
    ['a NUL byte', { audience: 'a\0b' }],
  ])('is refused for %s', async (_what, changes) => {
    expect(await exchange(changes)).toMatchObject(refusedWith('invalid_target'));
  });

  it('accepts an API as resource or audience, repeated, or as the only possible one', async () => {
    for (const named of [{ audience: LEDGER }, { resource: '', audience: [LEDGER, LEDGER] }])
      expect(await exchange(named)).toMatchObject({ status: 200 });
    const single = await createExchanger({ audiences: [LEDGER] });
    expect(await exchange({ resource: '' }, single)).toMatchObject({ status: 200 });
  });

  it('is refused to a client without a policy, the grant or its secret', async () => {
    const none = await provider.createClient({ grant_types: ['client_credentials', GRANT] });
    expect(await exchange({}, none)).toMatchObject(refusedWith('invalid_target'));
    expect(await exchange({}, app)).toMatchObject(refusedWith('unauthorized_client'));
    expect(await exchange({}, { ...gateway, secret: '' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    const inQuery = await fetch(`${provider.url}/oauth2/token?subject_token=x`, {
      method: 'POST',
      body: form({ grant_type: GRANT }),
    });
    expect(inQuery.status).toBe(400);
  });

  it('is refused beyond the policy set by the command', async () => {
    const cli = (line: string) =>
      json<{ client_id: string; client_secret: string }>(line.split(' '), { env: provider.postern.env });
    const options = `--exchange-for ${LEDGER} --exchange-from ${app.id} --exchange-impersonation`;
    const made = await cli(`client create --name Orders --grant token-exchange ${options}`);
    const client = { id: made.client_id, secret: made.client_secret, redirectUri: '' };
    expect(await exchange({}, client)).toMatchObject({ status: 200 });
    expect(await exchange({ resource: ORDERS }, client)).toMatchObject(refusedWith('invalid_target'));
    await cli(`client update ${client.id} --exchange-for ${ORDERS}`);
    // The new value replaces the whole policy, and the server is notified.
    await until(async () => (await exchange({}, client)).status === 400);
    expect(await exchange({}, client)).toMatchObject(refusedWith('invalid_target'));
    expect(await exchange({ resource: ORDERS }, client)).toMatchObject(INVALID);
  });

  it('is refused for tokens of a client that the policy does not list', async () => {
    const stranger = await provider.createClient();
    const { access_token: token, id_token: idToken } = await signedIn(stranger);
    expect(await exchange({ subject_token: token })).toMatchObject(INVALID);
    expect(await exchange({ subject_token: idToken, subject_token_type: ID_TOKEN })).toMatchObject(INVALID);
  });

  it('is refused without an actor where one is required, or with another client’s token', async () => {
    const careful = await createExchanger({ impersonation: false });
    const actors: Parameters[] = [
      {},
      { actor_token: await ownToken(gateway), actor_token_type: ACCESS_TOKEN },
      { actor_token: tokens.access_token, actor_token_type: ACCESS_TOKEN },
      { actor_token: tokens.id_token, actor_token_type: ID_TOKEN },
    ];
    for (const actor of actors) expect(await exchange(actor, careful)).toMatchObject(INVALID);
    const own = { actor_token: await ownToken(careful), actor_token_type: ACCESS_TOKEN };
    expect(await exchange(own, careful)).toMatchObject({ status: 200 });
  });

  it('is refused if the token is of another type than stated', async () => {
    const signed = await provider.createClient({ userinfo_signed_response_alg: 'RS256' });
    const { access_token: opaque } = await signIn(provider, signed, person);
    const userinfo = await fetch(`${provider.url}/oauth2/userinfo`, {
      headers: { authorization: `Bearer ${opaque}` },
    });
    const kinds: [string, string][] = [
      [tokens.refresh_token, ACCESS_TOKEN],
      [tokens.refresh_token, ID_TOKEN],
      [tokens.id_token, ACCESS_TOKEN],
      [tokens.access_token, ID_TOKEN],
      [await userinfo.text(), ID_TOKEN],
    ];
    const by = await createExchanger({ clients: [app.id, signed.id] });
    for (const [token, type] of kinds)
      expect(await exchange({ subject_token: token, subject_token_type: type }, by)).toMatchObject(INVALID);
  });

  it('is refused for an expired token', async () => {
    const hasty = await provider.createClient({ access_token_ttl: 1, id_token_ttl: 1 });
    const late = await createExchanger({ clients: [hasty.id] });
    const held = await signedIn(hasty);
    await until(async () => (await introspect(provider, hasty, held.access_token)).body['active'] === false);
    await until(() => Date.now() > ((decodeJwt(held.id_token).exp ?? 0) + 1) * 1000);
    for (const [token, type] of [
      [held.access_token, ACCESS_TOKEN],
      [held.id_token, ID_TOKEN],
    ] as const)
      expect(await exchange({ subject_token: token, subject_token_type: type }, late)).toMatchObject(INVALID);
  });

  describe('is refused for a forged token', () => {
    let attacker: Keys;
    let lair: RequestRecorder;
    beforeAll(async () => {
      attacker = await newKeys();
      lair = await startRequestRecorder((_req, res) =>
        res.end(JSON.stringify({ keys: [attacker.publicJwk] })),
      );
    });

    const publicKey = async (token: string): Promise<JWK> => {
      const { kid } = decodeProtectedHeader(token);
      const reply = await fetch(`${provider.url}/oauth2/jwks`);
      const { keys } = (await reply.json()) as { keys: JWK[] };
      return keys.find((key) => key.kid === kid) ?? {};
    };
    const forge = (token: string, header: object = {}, claims: object = {}) =>
      new SignJWT({ ...decodeJwt(token), ...claims })
        .setProtectedHeader({ ...decodeProtectedHeader(token), alg: 'ES256', ...header })
        .sign(attacker.privateKey);
    const hmac = (token: string, secret: string) =>
      new SignJWT(decodeJwt(token))
        .setProtectedHeader({ ...decodeProtectedHeader(token), alg: 'HS256' })
        .sign(new TextEncoder().encode(secret));
    const parts = (token: string) => token.split('.') as [string, string, string];

    const forgeries: [string, (token: string) => Promise<string>][] = [
      ['by another key', (token) => forge(token)],
      ['by another key under its own key id', (token) => forge(token, { kid: 'mine' })],
      ['with an embedded key', (token) => forge(token, { jwk: attacker.publicJwk })],
      ['with a URL of its keys (jku)', (token) => forge(token, { jku: `${lair.url()}/jku` })],
      ['with a URL of its certificate (x5u)', (token) => forge(token, { x5u: `${lair.url()}/x5u` })],
      ['by another issuer', (token) => forge(token, {}, { iss: lair.url() })],
      [
        'unsigned (none)',
        async (token) => `${encode({ ...decodeProtectedHeader(token), alg: 'none' })}.${parts(token)[1]}.`,
      ],
      ['without its signature', async (token) => token.replace(/[^.]*$/, '')],
      [
        'with another payload',
        async (token) =>
          `${parts(token)[0]}.${encode({ ...decodeJwt(token), sub: 'admin', scope: 'read write' })}.${parts(token)[2]}`,
      ],
      [
        'with the public key as a secret (PEM)',
        async (token) => {
          const key = createPublicKey({ key: { ...(await publicKey(token)) }, format: 'jwk' });
          return hmac(token, key.export({ type: 'spki', format: 'pem' }).toString());
        },
      ],
      [
        'with the public key as a secret (JWK)',
        async (token) => hmac(token, JSON.stringify(await publicKey(token))),
      ],
    ];

    it.each(forgeries)('%s', async (_what, make) => {
      for (const [token, type] of [
        [tokens.access_token, ACCESS_TOKEN],
        [tokens.id_token, ID_TOKEN],
      ] as const) {
        const forged = await make(token);
        expect(await exchange({ subject_token: forged, subject_token_type: type })).toMatchObject(INVALID);
        const acting = { actor_token: forged, actor_token_type: type };
        expect(await exchange(acting)).toMatchObject(INVALID);
      }
      expect(lair.requests).toEqual([]);
    });
  });

  it('is refused for a token bound to a certificate without that certificate (RFC 8705)', async () => {
    const own = { tls_client_certificate_bound_access_tokens: true };
    const bound = await provider.createClient(own);
    const policy = { clients: [bound.id, app.id] };
    const [with_, without] = [await createExchanger(policy, own), await createExchanger(policy)];
    const shown = (name: 'client' | 'other') => ({
      [HEADERS.certificate]: encodeURIComponent(certificate(name)),
    });
    const parameters = { scope: 'openid read', resource: ORDERS };
    const answered = await authorize(provider, new UserAgent(provider.url), bound, person, parameters);
    const code = {
      grant_type: 'authorization_code',
      code: answered.get('code') ?? '',
      redirect_uri: bound.redirectUri,
      code_verifier: VERIFIER,
      resource: ORDERS,
    };
    const { body } = await post<Tokens>(provider, 'token', bound, code, shown('client'));
    const { cnf } = decodeJwt(body.access_token);
    expect(cnf).toEqual({ 'x5t#S256': expect.any(String) });
    const subject = { subject_token: body.access_token };
    expect(await exchange(subject, without, shown('client'))).toMatchObject(INVALID);
    expect(await exchange(subject, with_, shown('other'))).toMatchObject(INVALID);
    expect(await exchange(subject, with_)).toMatchObject(refusedWith('invalid_grant'));
    const good = await exchange(subject, with_, shown('client'));
    expect(decodeJwt(good.body.access_token)).toMatchObject({ cnf });

    const credentials = { grant_type: 'client_credentials' };
    const { body: actor } = await post<Tokens>(provider, 'token', with_, credentials, shown('client'));
    const acting = { actor_token: actor.access_token, actor_token_type: ACCESS_TOKEN };
    expect(await exchange(acting, with_, shown('other'))).toMatchObject(INVALID);
    expect(await exchange(acting, with_, shown('client'))).toMatchObject({ status: 200 });
  });

  it.each([
    ['is not an object', 'everything'],
    ['names no API', {}],
    ['names an empty list of APIs', { audiences: [] }],
    ['names something that is not a URI', { audiences: ['ledger'] }],
    ['has an extra property', { audiences: [LEDGER], everything: true }],
    ['has invalid clients', { audiences: [LEDGER], clients: [7] }],
    ['has an impersonation that is not a boolean', { audiences: [LEDGER], impersonation: 'yes' }],
  ])('is refused at registration with a policy that %s', async (_what, policy) => {
    await expect(
      provider.createClient({ grant_types: ['client_credentials', GRANT], token_exchange: policy }),
    ).rejects.toMatchObject({ code: 'invalid_client_metadata' });
  });
});
