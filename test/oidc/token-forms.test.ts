import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import * as oidc from 'openid-client';
import { authorizationUrl, introspect, post, signIn } from './support/flow.ts';
import { type ClientKeys, clientKeys } from './support/keys.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { attempt, relyingParty, visit } from './support/relying-party.ts';
import { UserAgent } from './support/user-agent.ts';

const API = 'https://orders.example.test';

let provider: Provider;
let person: Person;
let keys: ClientKeys;
beforeAll(async () => {
  [provider, keys] = await Promise.all([startProvider(), clientKeys()]);
  person = await provider.createPerson();
  await provider.createApi({ identifier: API, scopes: ['read'] });
});

describe('by client metadata,', () => {
  it.each(['RS256', 'ES256', 'EdDSA'])('an ID token is signed by %s', async (alg) => {
    const client = await provider.createClient({ id_token_signed_response_alg: alg });
    const config = await relyingParty(provider, client, { id_token_signed_response_alg: alg });
    const { parameters, checks } = await attempt(client);
    const back = await visit(provider, oidc.buildAuthorizationUrl(config, parameters), person);
    const { id_token: idToken = '' } = await oidc.authorizationCodeGrant(config, back, checks);
    expect(decodeProtectedHeader(idToken).alg).toBe(alg);
  });

  it.each([
    ['RSA-OAEP-256', 'A256GCM'],
    ['ECDH-ES', 'A128CBC-HS256'],
  ])('an ID token is encrypted by %s and %s', async (alg, enc) => {
    const pair = await generateKeyPair(alg, { extractable: true });
    const key = { ...(await exportJWK(pair.publicKey)), use: 'enc', alg, kid: 'mine' };
    const client = await provider.createClient({
      jwks: { keys: [key] },
      id_token_encrypted_response_alg: alg,
      id_token_encrypted_response_enc: enc,
    });
    const config = await relyingParty(provider, client);
    oidc.enableDecryptingResponses(config, [enc], { key: pair.privateKey, kid: 'mine' });
    const { parameters, checks } = await attempt(client);
    const back = await visit(provider, oidc.buildAuthorizationUrl(config, parameters), person);
    const tokens = await oidc.authorizationCodeGrant(config, back, checks);
    expect(tokens.id_token?.split('.')).toHaveLength(5);
    expect(tokens.claims()).toMatchObject({ sub: person.id });
  });

  it('userinfo is signed, and encrypted', async () => {
    const client = await provider.createClient({
      jwks: keys.jwks,
      userinfo_signed_response_alg: 'ES256',
      userinfo_encrypted_response_alg: 'RSA-OAEP-256',
    });
    const config = await relyingParty(provider, client, { userinfo_signed_response_alg: 'ES256' });
    oidc.enableDecryptingResponses(config, ['A128CBC-HS256'], {
      key: keys.encryption.privateKey,
      kid: 'opens',
    });
    const { parameters, checks } = await attempt(client);
    const back = await visit(provider, oidc.buildAuthorizationUrl(config, parameters), person);
    const { access_token: token } = await oidc.authorizationCodeGrant(config, back, checks);
    expect(await oidc.fetchUserInfo(config, token, person.id)).toMatchObject({
      sub: person.id,
      email: person.email,
      iss: provider.url,
      aud: client.id,
    });
  });

  it.each([
    ['an opaque', {}],
    ['a JWT', { resource: API, scope: 'openid read' }],
  ])('introspection of %s token is a JWT (RFC 9701)', async (_what, parameters) => {
    const client = await provider.createClient({ introspection_signed_response_alg: 'ES256' });
    const { access_token: token } = await signIn(provider, client, person, { parameters });
    const config = await relyingParty(provider, client, { introspection_signed_response_alg: 'ES256' });
    expect(await oidc.tokenIntrospection(config, token)).toMatchObject({ active: true, sub: person.id });
    const headers = { accept: 'application/token-introspection+jwt' };
    const reply = await post(provider, 'introspect', client, { token }, headers);
    expect(reply.headers.get('content-type')).toMatch(/^application\/token-introspection\+jwt/);
    expect(decodeProtectedHeader(reply.text)).toMatchObject({ typ: 'token-introspection+jwt', alg: 'ES256' });
    const { token_introspection: inner, ...outer } = decodeJwt(reply.text);
    expect(outer).toEqual({ iss: provider.url, aud: client.id, iat: expect.any(Number) });
    expect(inner).not.toHaveProperty('gid');
    const plain = await post(provider, 'introspect', client, { token });
    expect(plain.body).toEqual(inner);
  });

  it.each([
    ['an opaque', {}],
    ['a JWT', { resource: API, scope: 'openid read' }],
  ])('introspection of %s token is never plain if it is to be encrypted', async (_what, parameters) => {
    const client = await provider.createClient({
      jwks: keys.jwks,
      introspection_signed_response_alg: 'ES256',
      introspection_encrypted_response_alg: 'RSA-OAEP-256',
    });
    const { access_token: token } = await signIn(provider, client, person, { parameters });
    expect(await post(provider, 'introspect', client, { token })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
    const headers = { accept: 'application/token-introspection+jwt' };
    const reply = await post(provider, 'introspect', client, { token }, headers);
    expect(reply.text.split('.')).toHaveLength(5);
  });

  it.each([
    ['id_token_signed_response_alg', 'none'],
    ['id_token_signed_response_alg', 'HS256'],
    ['userinfo_signed_response_alg', 'none'],
    ['authorization_signed_response_alg', 'HS256'],
    ['introspection_signed_response_alg', 'none'],
    ['request_object_signing_alg', 'none'],
    ['request_object_signing_alg', 'HS256'],
    ['id_token_encrypted_response_alg', 'RSA1_5'],
    ['id_token_encrypted_response_alg', 'RSA-OAEP'],
    ['id_token_encrypted_response_alg', 'dir'],
    ['userinfo_encrypted_response_alg', 'A128KW'],
    ['request_object_encryption_alg', 'RSA-OAEP-256'],
    ['subject_type', 'secret'],
  ])('the property %s cannot be %s', async (name, value) => {
    const refused = provider.createClient({ jwks: keys.jwks, [name]: value });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_client_metadata' });
  });
});

describe('pairwise subjects', () => {
  const at = (host: string) => ({ subject_type: 'pairwise', redirect_uris: [`https://${host}/callback`] });
  let here: Client;
  let alsoHere: Client;
  let there: Client;
  let open: Client;
  beforeAll(async () => {
    here = await provider.createClient(at('one.example.test'));
    alsoHere = await provider.createClient(at('one.example.test'));
    there = await provider.createClient(at('two.example.test'));
    open = await provider.createClient();
  });
  const subject = async (client: Client) =>
    decodeJwt((await signIn(provider, client, person)).id_token).sub ?? '';

  it('are the same within a sector, and different elsewhere', async () => {
    const [first, same, other] = [await subject(here), await subject(alsoHere), await subject(there)];
    expect(same).toBe(first);
    expect(other).not.toBe(first);
    for (const sub of [first, other]) {
      expect(sub).toMatch(/^[\w-]{22}$/);
      expect(sub).not.toContain(person.id);
    }
    expect(await subject(open)).toBe(person.id);
  });

  it('are in every form of token, and in introspection by anybody', async () => {
    const sub = await subject(here);
    const config = await relyingParty(provider, here);
    const tokens = await signIn(provider, here, person);
    expect(await oidc.fetchUserInfo(config, tokens.access_token, sub)).toMatchObject({ sub });
    const jwt = await signIn(provider, here, person, { parameters: { resource: API, scope: 'openid read' } });
    expect(decodeJwt(jwt.access_token)).toMatchObject({ sub });
    expect(JSON.stringify(decodeJwt(jwt.access_token))).not.toContain(person.id);
    const api = await provider.createClient({ grant_types: ['client_credentials'], apis: [API] });
    for (const [client, token] of [
      [here, tokens.access_token],
      [here, jwt.access_token],
      [api, jwt.access_token],
    ] as const)
      expect((await post(provider, 'introspect', client, { token })).body).toMatchObject({
        active: true,
        sub,
      });
    for (const client of [open, there])
      expect((await post(provider, 'introspect', client, { token: jwt.access_token })).body).toEqual({
        active: false,
      });
    const refreshed = await post<{ access_token: string; id_token: string }>(provider, 'token', here, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });
    expect(decodeJwt(refreshed.body.id_token).sub).toBe(sub);
  });

  it('work with prompt=none and an id_token_hint, and their tokens end like any other', async () => {
    const agent = new UserAgent(provider.url);
    const tokens = await signIn(provider, here, person, {
      agent,
      parameters: { resource: API, scope: 'openid read' },
    });
    const hinted = await agent.open(
      authorizationUrl(provider, here, { scope: 'openid', prompt: 'none', id_token_hint: tokens.id_token }),
    );
    expect(hinted.leftFor?.searchParams.get('code')).toEqual(expect.any(String));
    expect((await post(provider, 'revoke', here, { token: tokens.access_token })).status).toBe(200);
    expect((await post(provider, 'introspect', here, { token: tokens.access_token })).body).toEqual({
      active: false,
    });
  });

  it('need a sector identifier if redirect URIs have more than one host', async () => {
    const refused = provider.createClient({
      subject_type: 'pairwise',
      redirect_uris: ['https://one.example.test/callback', 'https://two.example.test/callback'],
    });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_client_metadata' });
  });
});

it('a public client, which anybody can claim to be, can introspect only its own tokens', async () => {
  const [spa, app] = [await provider.createClient({}, { isPublic: true }), await provider.createClient()];
  const [mine, theirs] = [await signIn(provider, spa, person), await signIn(provider, app, person)];
  const ofApi = await signIn(provider, app, person, { parameters: { scope: 'openid read', resource: API } });
  expect(theirs.access_token).not.toContain('.');
  expect(ofApi.access_token).toContain('.');
  for (const token of [mine.access_token, mine.refresh_token])
    expect(await introspect(provider, spa, token)).toMatchObject({
      body: { active: true, client_id: spa.id },
    });
  for (const token of [theirs.access_token, theirs.refresh_token, ofApi.access_token]) {
    expect(await introspect(provider, app, token)).toMatchObject({ body: { active: true } });
    expect((await introspect(provider, spa, token)).body).toEqual({ active: false });
  }
});
