import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { redeem } from './support/assertions.ts';
import { post, refresh, type Reply, signIn, type Tokens, userinfo } from './support/flow.ts';
import { newKeys, proof } from './support/proofs.ts';
import { type Client, type Person, type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';
import { startRequestRecorder } from './support/request-recorder.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const REFRESH_TOKEN = 'urn:ietf:params:oauth:token-type:refresh_token';
const API = 'https://chat.example.test/mcp';
/** An issuer with the other one's keys. */
const MAILING = 'https://mail.example.test';
const INVALID_REQUEST = { status: 400, body: { error: 'invalid_request' } };
/** Another API of the service, with the same scope. */
const FILES = 'https://files.example.test';
const by = shellOperator(systemActor);

/** The company's provider, and the authorization server of a service that its people use. */
let company: Provider;
let service: Provider;
let person: Person;
let atCompany: Client;
let atService: Client;
let tokens: Tokens;
/** Keys of an issuer that the service trusts too. */
let stranger: { issuer: string; sign(claims: object, header?: object): Promise<string> };

const assertionFor = (
  parameters: Record<string, string | string[]> = {},
  subject = { subject_token: tokens.id_token, subject_token_type: ID_TOKEN },
): Promise<Reply<Tokens & { issued_token_type: string; token_type: string }>> =>
  post(company, 'token', atCompany, {
    grant_type: TOKEN_EXCHANGE,
    requested_token_type: ID_JAG,
    audience: service.url,
    resource: API,
    scope: 'chat:read',
    ...subject,
    ...parameters,
  });

beforeAll(async () => {
  company = await startProvider({ stores: 'PostgreSQL' });
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'a', alg: 'ES256' }] };
  const keys = await startRequestRecorder((_req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(jwks));
  });
  const issuer = 'https://other-company.example.test';
  stranger = {
    issuer,
    sign: (claims, header) =>
      new SignJWT({ iss: issuer, jti: randomUUID(), ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'a', typ: 'oauth-id-jag+jwt', ...header })
        .setExpirationTime((claims as { exp?: number }).exp ?? '1m')
        .sign(privateKey),
  };
  service = await startProvider({
    stores: 'PostgreSQL',
    settings: {
      outbound: { allow: ['localhost', '127.0.0.1'] },
      identityAssertions: {
        issuers: [
          {
            issuer: company.url,
            jwksUri: `${company.url}/oauth2/jwks`,
            link: 'email',
            domains: ['example.test'],
          },
          { issuer, jwksUri: keys.url(), link: 'subject' },
          { issuer: MAILING, jwksUri: keys.url(), link: 'email', domains: ['example.test'] },
        ],
      },
    },
  });
  person = await company.createPerson();
  await service.createApi({ identifier: API, scopes: ['chat:read', 'chat:write'] });
  await service.createApi({ identifier: FILES, scopes: ['chat:read'] });
  atService = await service.createClient({
    grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
    response_types: [],
    redirect_uris: [],
    identity_assertion_issuers: [company.url, issuer, MAILING],
  });
  atCompany = await company.createClient({
    grant_types: ['authorization_code', 'refresh_token', TOKEN_EXCHANGE],
    redirect_uris: [REDIRECT_URI],
    refresh_token_grace: 0,
    identity_assertions: [
      { audience: service.url, client_id: atService.id, resources: [API], scopes: ['chat:read'] },
    ],
  });
  tokens = await signIn(company, atCompany, person);
});

/** An account at the service with the person's address. */
async function joinService({ email }: Pick<Person, 'email'>): Promise<string> {
  const { id } = await service.operator.accounts.create(
    {
      username: `u-${randomUUID().slice(0, 8)}`,
      email,
      password: 'three unrelated words',
      emailVerified: true,
    },
    systemActor,
  );
  return id;
}

describe('an identity provider with identity assertions', () => {
  it('issues one for an authorization server that the client may name', async () => {
    for (const subject of [
      undefined,
      { subject_token: tokens.refresh_token, subject_token_type: REFRESH_TOKEN },
    ]) {
      const { status, body } = await assertionFor({}, subject);
      expect([status, body]).toMatchObject([
        200,
        { issued_token_type: ID_JAG, token_type: 'N_A', expires_in: 300, scope: 'chat:read' },
      ]);
      expect(decodeProtectedHeader(body.access_token)).toMatchObject({ typ: 'oauth-id-jag+jwt' });
      expect(decodeJwt(body.access_token)).toMatchObject({
        iss: company.url,
        sub: person.id,
        aud: service.url,
        client_id: atService.id,
        resource: API,
        scope: 'chat:read',
        email: person.email,
        jti: expect.any(String),
      });
    }
    expect(await company.audited('token.exchanged', person.id)).toMatchObject({
      client_id: atCompany.id,
      details: { audience: service.url, scope: 'chat:read' },
    });
    // It is not accepted as a token by its own issuer.
    const { body } = await assertionFor();
    expect((await userinfo(company, body.access_token)).status).toBe(401);
    // The refresh token is still valid.
    const used = tokens.refresh_token;
    const { body: next } = await refresh(company, atCompany, used);
    tokens = { ...tokens, refresh_token: next.refresh_token };
    const subject = { subject_token: used, subject_token_type: REFRESH_TOKEN };
    expect(await assertionFor({}, subject)).toMatchObject(INVALID_REQUEST);
  });

  it('issues none for the token of another client', async () => {
    const other = await company.createClient({
      grant_types: ['authorization_code', 'refresh_token', TOKEN_EXCHANGE],
      redirect_uris: [REDIRECT_URI],
      identity_assertions: [{ audience: service.url, client_id: atService.id }],
    });
    const its = await signIn(company, other, person);
    for (const subject of [
      { subject_token: its.id_token, subject_token_type: ID_TOKEN },
      { subject_token: its.refresh_token, subject_token_type: REFRESH_TOKEN },
    ])
      expect(await assertionFor({}, subject)).toMatchObject(INVALID_REQUEST);
  });

  it.each<[string, Record<string, string | string[]>, object]>([
    [
      'another server',
      { audience: 'https://elsewhere.example.test' },
      { status: 400, body: { error: 'invalid_target' } },
    ],
    ['no server', { audience: [] }, { status: 400, body: { error: 'invalid_target' } }],
    [
      'another resource',
      { resource: 'https://x.example.test' },
      { status: 400, body: { error: 'invalid_target' } },
    ],
    ['another scope', { scope: 'chat:write' }, { status: 400, body: { error: 'invalid_scope' } }],
    [
      'an access token',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
      INVALID_REQUEST,
    ],
    ['an invalid token', { subject_token: 'x' }, INVALID_REQUEST],
  ])('refuses %s', async (_, parameters, expected) => {
    expect(await assertionFor(parameters)).toMatchObject(expected);
  });

  it('issues them only to people covered by the policy, until an operator disconnects the app', async () => {
    const policy = (more: object) => ({ audience: service.url, client_id: atService.id, ...more });
    const set = async (identity_assertions: object[] | null) => {
      await company.operator.clients.update(by, atCompany.id, { metadata: { identity_assertions } });
    };
    const answers = async (error: string | undefined) => {
      for (;;) {
        const { body } = await assertionFor();
        if ((body as { error?: string }).error === error) return;
      }
    };
    await set([policy({ roles: ['nobody-has-it'] })]);
    await answers('access_denied');
    await set(null);
    await answers('invalid_target');
    await set([policy({ resources: [API], scopes: ['chat:read'] })]);
    await answers(undefined);
  });
});

describe('an authorization server with identity assertions', () => {
  it('issues a short-lived token for one, once, without refresh, on a grant of its own', async () => {
    const account = await joinService(person);
    const { body } = await assertionFor();
    const [first, ...others] = (
      await Promise.all(Array.from({ length: 4 }, () => redeem(service, atService, body.access_token)))
    ).sort((a, b) => a.status - b.status);
    expect(first).toMatchObject({ status: 200, body: { scope: 'chat:read', expires_in: 600 } });
    expect(first?.body).not.toHaveProperty('refresh_token');
    expect(others).toMatchObject(
      Array.from({ length: 3 }, () => ({ status: 400, body: { error: 'invalid_grant' } })),
    );
    expect(decodeJwt(first?.body.access_token ?? '')).toMatchObject({
      sub: account,
      aud: API,
      client_id: atService.id,
    });
    expect(await service.audited('token.exchanged', account)).toMatchObject({
      details: { subjectClientId: company.url, audience: API },
    });
    const rows = await service.sql('select * from oidc_grants where account_id = $1', [account]);
    expect(rows).toHaveLength(1);
  });

  it('refuses the assertion of an issuer that the client does not name', async () => {
    const other = await service.createClient({
      grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
      response_types: [],
      redirect_uris: [],
      identity_assertion_issuers: [company.url],
    });
    const { sub } = await linked();
    const assertion = await stranger.sign({ sub, aud: service.url, client_id: other.id });
    expect(await redeem(service, other, assertion, { resource: API })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it('finds an account by its address, unless the issuer says that it is not verified', async () => {
    const email = `named-${randomUUID()}@example.test`;
    await joinService({ email });
    const right = { iss: MAILING, sub: 'x', email, aud: service.url, client_id: atService.id };
    for (const [claims, status] of [
      [{}, 200],
      [{ email_verified: true }, 200],
      [{ email_verified: false }, 400],
    ] as const) {
      const assertion = await stranger.sign({ ...right, ...claims });
      expect(await redeem(service, atService, assertion, { resource: API })).toMatchObject({ status });
    }
  });

  it('binds the token to the key of a proof of possession, which is accepted once', async () => {
    const headers = { DPoP: await proof(service, await newKeys()) };
    const present = async () =>
      redeem(service, atService, (await assertionFor()).body.access_token, {}, headers);
    expect(await present()).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(await present()).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
  });

  /** Links a new account. @returns its subject at the other issuer. */
  const linked = async () => {
    const account = await joinService({ email: `linked-${randomUUID()}@example.test` });
    const sub = randomUUID();
    await service.sql(
      `insert into upstream_identities (id, upstream, issuer, subject, account_id, created_at)
         values ($1, 'other', $2, $3, $4, now())`,
      [randomUUID(), stranger.issuer, sub, account],
    );
    return { account, sub };
  };

  it('finds the account linked to the subject', async () => {
    const { account, sub } = await linked();
    const assertion = await stranger.sign({ sub, aud: service.url, client_id: atService.id });
    expect(await redeem(service, atService, assertion, { resource: API })).toMatchObject({
      status: 200,
      body: { scope: 'chat:read chat:write' },
    });
    await service.sql("update users set status = 'suspended' where id = $1", [account]);
    const again = await stranger.sign({ sub, aud: service.url, client_id: atService.id });
    expect(await redeem(service, atService, again, { resource: API })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it.each<[string, () => object, object?]>([
    ['for another audience', () => ({ aud: 'https://elsewhere.example.test' })],
    ['for several audiences', () => ({ aud: [service.url, 'https://b.example'] })],
    ['for another client', () => ({ client_id: 'another' })],
    ['without a client', () => ({ client_id: undefined })],
    ['by an untrusted issuer', () => ({ iss: 'https://evil.example' })],
    ['in the name of another issuer', () => ({ iss: company.url, sub: person.id, email: person.email })],
    ['about an unknown person', () => ({ sub: 'nobody' })],
    ['of another JWT type', () => ({}), { typ: 'at+jwt' }],
    ['that is too old', () => ({ exp: 1 })],
    ['with an id that is not a string', () => ({ jti: { a: 1 } })],
    ['with an overlong id', () => ({ jti: 'x'.repeat(256) })],
    ['with an empty id', () => ({ jti: '' })],
    ['about a number', () => ({ sub: 7 })],
    ['that is valid for too long', () => ({ exp: Math.floor(Date.now() / 1000) + 3_660 })],
  ])('refuses an assertion %s', async (_, claims, header = {}) => {
    const { sub } = await linked();
    const right = { sub, aud: service.url, client_id: atService.id };
    const assertion = await stranger.sign({ ...right, ...claims() }, header);
    const reply = await redeem(service, atService, assertion, { resource: API });
    expect(reply).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('refuses a malformed assertion', async () => {
    const [header = ''] = (await stranger.sign({})).split('.');
    for (const malformed of ['a.b.c', `${header}.b.c`]) {
      const reply = await redeem(service, atService, malformed, { resource: API });
      expect(reply).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    }
  });

  it.each([7, { a: 1 }, [API, 7], ['']])('refuses an assertion for the resource %j', async (resource) => {
    const { sub } = await linked();
    const assertion = await stranger.sign({ sub, aud: service.url, client_id: atService.id, resource });
    expect(await redeem(service, atService, assertion)).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    });
  });

  it('refuses a resource, scope or client that the assertion is not for', async () => {
    const { body } = await assertionFor();
    expect(await redeem(service, atService, body.access_token, { scope: 'chat:write' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
    for (const resource of ['https://x.example.test', FILES]) {
      const { body: other } = await assertionFor();
      expect(await redeem(service, atService, other.access_token, { resource })).toMatchObject({
        status: 400,
        body: { error: 'invalid_target' },
      });
    }
    await expect(
      service.createClient(
        {
          grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
          identity_assertion_issuers: [company.url],
        },
        { isPublic: true },
      ),
    ).rejects.toThrow();
  });
});
