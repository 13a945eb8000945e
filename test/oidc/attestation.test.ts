import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { startRequestRecorder } from './support/request-recorder.ts';
import { authorize, post, type Tokens, VERIFIER } from './support/flow.ts';
import { epoch, type Keys, newKeys, proof as dpopProof } from './support/proofs.ts';
import { type Client, type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';
import { APP, send } from './support/registration.ts';
import { UserAgent } from './support/user-agent.ts';

const ATTESTER = 'https://attester.example.test';
const NARROW = 'https://narrow.example.test';
const DIRECTORY = 'https://directory.example.test';

interface Changes {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  by?: Keys;
}

let provider: Provider;
let client: Client;
let attester: Keys;
let directory: Keys;
/** Keys of the attested instance. */
let instance: Keys;

beforeAll(async () => {
  [attester, directory, instance] = await Promise.all([newKeys(), newKeys(), newKeys()]);
  const served = await startRequestRecorder((_req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ keys: [attester.publicJwk, directory.publicJwk] }));
  });
  provider = await startProvider({
    stores: 'PostgreSQL',
    settings: {
      outbound: { allow: ['localhost', '127.0.0.1'] },
      clientAttestation: {
        attesters: [
          { issuer: ATTESTER, jwksUri: served.url() },
          { issuer: NARROW, jwksUri: served.url(), clients: ['somebody-else'] },
        ],
      },
      clientRegistration: {
        open: true,
        softwareStatements: [{ issuer: DIRECTORY, jwksUri: served.url() }],
      },
    },
  });
  client = await provider.createClient({
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'attest_jwt_client_auth',
  });
});

const sign = (typ: string, claims: Record<string, unknown>, { privateKey, publicJwk }: Keys, header = {}) =>
  new SignJWT(claims)
    .setProtectedHeader({ typ, alg: publicJwk.alg ?? '', kid: publicJwk.kid ?? '', ...header })
    .sign(privateKey);

const attestation = ({ claims, header, by = attester }: Changes = {}, of = instance) => {
  const { kid: _kid, alg: _alg, ...jwk } = of.publicJwk;
  const usual = { iss: ATTESTER, sub: client.id, iat: epoch(), exp: epoch() + 300, cnf: { jwk } };
  return sign('oauth-client-attestation+jwt', { ...usual, ...claims }, by, header);
};

async function challenge(): Promise<string> {
  const reply = await fetch(`${provider.url}/oauth2/challenge`, { method: 'POST' });
  return ((await reply.json()) as { attestation_challenge: string }).attestation_challenge;
}

const popOf = async ({ claims, header, by = instance }: Changes = {}) => {
  const usual = { aud: provider.url, jti: randomUUID(), iat: epoch(), challenge: await challenge() };
  return sign('oauth-client-attestation-pop+jwt', { ...usual, ...claims }, by, header);
};

const headers = (attested: string, pop: string) => ({
  'oauth-client-attestation': attested,
  'oauth-client-attestation-pop': pop,
});

/** Refreshes an invalid token: invalid_grant means that the client was authenticated. */
const attempt = async (with_: Record<string, string>, as = client) =>
  post<{ error: string }>(provider, 'token', as, { grant_type: 'refresh_token', refresh_token: 'x' }, with_);

describe('attestation-based client authentication', () => {
  it('is described in discovery, with the challenge endpoint', async () => {
    const reply = await fetch(`${provider.url}/.well-known/oauth-authorization-server`);
    expect(await reply.json()).toMatchObject({
      challenge_endpoint: `${provider.url}/oauth2/challenge`,
      token_endpoint_auth_methods_supported: expect.arrayContaining(['attest_jwt_client_auth']),
      client_attestation_signing_alg_values_supported: expect.arrayContaining(['ES256']),
      client_attestation_pop_signing_alg_values_supported: expect.arrayContaining(['ES256']),
    });
  });

  it('signs a person in, and refreshes with the key of the same instance only', async () => {
    const person = await provider.createPerson();
    const parameters = { scope: 'openid offline_access', prompt: 'consent' };
    const answered = await authorize(provider, new UserAgent(provider.url), client, person, parameters);
    const { body: tokens } = await post<Tokens>(
      provider,
      'token',
      client,
      {
        grant_type: 'authorization_code',
        code: answered.get('code') ?? '',
        redirect_uri: REDIRECT_URI,
        code_verifier: VERIFIER,
      },
      headers(await attestation(), await popOf()),
    );
    expect(tokens).toHaveProperty('refresh_token');
    const refreshed = async (of: Keys) =>
      post<Tokens & { error: string }>(
        provider,
        'token',
        client,
        { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
        headers(await attestation({}, of), await popOf({ by: of })),
      );
    expect(await refreshed(await newKeys())).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await refreshed(instance)).status).toBe(200);
  });

  it('accepts a DPoP proof of the instance’s key, with a nonce', async () => {
    const other = await provider.createClient({
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'attest_jwt_client_auth_dpop',
    });
    const attested = await attestation({ claims: { sub: other.id } });
    const first = await attempt(
      { 'oauth-client-attestation': attested, 'dpop': await dpopProof(provider, instance) },
      other,
    );
    expect(first.body.error).toBe('use_dpop_nonce');
    const nonce = first.headers.get('dpop-nonce') ?? '';
    const dpop = await dpopProof(provider, instance, { claims: { nonce } });
    const { body } = await attempt({ 'oauth-client-attestation': attested, dpop }, other);
    expect(body.error).toBe('invalid_grant');
  });

  it('returns the challenge that the client has to use', async () => {
    const reply = await attempt(headers(await attestation(), await popOf({ claims: { challenge: 'old' } })));
    expect(reply.body.error).toBe('use_attestation_challenge');
    const next = reply.headers.get('oauth-client-attestation-challenge') ?? '';
    const pop = await popOf({ claims: { challenge: next } });
    expect((await attempt(headers(await attestation(), pop))).body.error).toBe('invalid_grant');
  });

  it('accepts each proof once of several in parallel', async () => {
    const with_ = headers(await attestation(), await popOf());
    const replies = await Promise.all([attempt(with_), attempt(with_), attempt(with_)]);
    expect(replies.map(({ body }) => body.error).sort()).toEqual([
      'invalid_client',
      'invalid_client',
      'invalid_grant',
    ]);
  });

  it.each<[string, Changes, Changes]>([
    ['by an unknown attester', { claims: { iss: 'https://other.example.test' } }, {}],
    ['by an attester trusted for another client', { claims: { iss: NARROW } }, {}],
    ['that has expired', { claims: { exp: epoch() - 60 } }, {}],
    ['without an expiry', { claims: { exp: undefined } }, {}],
    ['issued in the future', { claims: { iat: epoch() + 600 } }, {}],
    ['without a key', { claims: { cnf: undefined } }, {}],
    ['of another type', { header: { typ: 'JWT' } }, {}],
    ['with a proof for another server', {}, { claims: { aud: 'https://other.example.test' } }],
    ['with a proof for several servers', {}, { claims: { aud: ['ISSUER', 'https://other.example.test'] } }],
    ['with a proof without an id', {}, { claims: { jti: undefined } }],
    ['with a proof with an overlong id', {}, { claims: { jti: 'x'.repeat(300) } }],
    ['with a proof issued in the future', {}, { claims: { iat: epoch() + 600 } }],
    ['with a proof of another type', {}, { header: { typ: 'JWT' } }],
  ])('refuses an attestation %s', async (_, attested, pop) => {
    const { status, body } = await attempt(headers(await attestation(attested), await popOf(pop)));
    expect([status, body.error]).toEqual([401, 'invalid_client']);
  });

  it('refuses foreign keys, an incomplete attestation and none', async () => {
    const other = await newKeys();
    for (const with_ of [
      headers(await attestation({ by: other }), await popOf()),
      headers(await attestation({ by: { ...other, publicJwk: attester.publicJwk } }), await popOf()),
      headers(await attestation(), await popOf({ by: other })),
      headers(await attestation({ claims: { sub: 'somebody-else' } }), await popOf()),
      headers('a.b.c', await popOf()),
      headers(await attestation(), 'a.b.c'),
      { 'oauth-client-attestation': await attestation() },
      {},
    ]) {
      const { status, body } = await attempt(with_);
      expect([400, 401]).toContain(status);
      expect(body.error).toMatch(/^invalid_(client|request)$/);
    }
  });
});

describe('a software statement', () => {
  const statement = ({ claims, by = directory }: Changes = {}) =>
    sign('JWT', { iss: DIRECTORY, software_id: 'x', ...claims }, by);
  const register = (software_statement: unknown, more: object = {}) =>
    send('POST', `${provider.url}/oauth2/register`, { body: { ...APP, ...more, software_statement } });

  it('overrides the client’s own metadata, at registration and in updates', async () => {
    const signed = await statement({
      claims: { client_name: 'Checked', redirect_uris: [REDIRECT_URI], exp: epoch() + 60, first: 1 },
    });
    const { status, body } = await register(signed, {
      client_name: 'Bank',
      redirect_uris: ['https://evil.example.test/'],
      contacts: ['a@example.test'],
    });
    expect(status).toBe(201);
    const said = { client_name: 'Checked', redirect_uris: [REDIRECT_URI], software_statement: signed };
    expect(body).toMatchObject({ ...said, contacts: ['a@example.test'] });
    const { client_id, client_secret, redirect_uris } = body;
    const reply = await send('PUT', body.registration_client_uri, {
      bearer: body.registration_access_token,
      body: { client_id, client_secret, redirect_uris, client_name: 'Bank' },
    });
    expect(reply).toMatchObject({ status: 200, body: said });
    const { metadata } = await provider.operator.clients.find(shellOperator(systemActor), client_id);
    expect(metadata).toMatchObject({ software_statement: signed });
  });

  it.each<[string, () => unknown, string]>([
    ['that is not a JWT', () => 'a.b.c', 'invalid_software_statement'],
    ['that is not a string', () => 7, 'invalid_software_statement'],
    ['that is too large', () => 'x'.repeat(9_000), 'invalid_software_statement'],
    ['that has expired', () => statement({ claims: { exp: epoch() - 60 } }), 'invalid_software_statement'],
    ['signed by another key', async () => statement({ by: await newKeys() }), 'invalid_software_statement'],
    ['without an issuer', () => statement({ claims: { iss: undefined } }), 'unapproved_software_statement'],
    [
      'of another issuer',
      () => statement({ claims: { iss: 'https://other.example.test' } }),
      'unapproved_software_statement',
    ],
    [
      'with unsupported metadata',
      () => statement({ claims: { first_party: true } }),
      'invalid_client_metadata',
    ],
  ])('%s is refused', async (_, made, error) => {
    expect(await register(await made())).toMatchObject({ status: 400, body: { error } });
  });
});
