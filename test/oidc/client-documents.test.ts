import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { readDocument } from '../../src/oidc/clients/documents.ts';
import { listenUntilEnd } from '../support/listen.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { answer, atOnce, authorizationUrl, exchange, post, refresh } from './support/flow.ts';
import { resetCounters } from './support/stored-records.ts';
import { type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const TLS = path.resolve(import.meta.dirname, 'support/certificates');
const CALLBACK = 'http://127.0.0.1/callback';
const SERVER = 'https://tools.example.test/mcp';
const REFRESHING = { grant_types: ['authorization_code', 'refresh_token'] };
const by = shellOperator(systemActor);

interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** The documents by path, and how often each was requested. */
const replies = new Map<string, Reply>();
const asked = new Map<string, number>();
let origin: string;
let provider: Provider;
let person: Person;

/** Publishes a document at its own path. @returns its URL. */
function publish(name: string, document: object = {}, reply: Reply = {}): string {
  const url = `${origin}/${name}`;
  const body = { client_id: url, client_name: `App ${name}`, redirect_uris: [CALLBACK], ...document };
  replies.set(`/${name}`, { body, ...reply });
  return url;
}
const hits = (url: string) => asked.get(new URL(url).pathname) ?? 0;
const client = (id: string, redirectUri = CALLBACK) => ({ id, secret: '', redirectUri });

/** Opens an authorization request of a client. */
const open = (id: string, parameters: Record<string, string> = {}, agent = new UserAgent(provider.url)) =>
  agent.open(authorizationUrl(provider, client(id), { scope: '', resource: SERVER, ...parameters }));

async function tokensOf(id: string) {
  const agent = new UserAgent(provider.url);
  const { leftFor } = await answer(agent, await open(id, {}, agent), person);
  return exchange(provider, client(id), leftFor?.searchParams.get('code') ?? '', { resource: SERVER });
}

/** Makes every node check the stored client again. */
async function expire(id: string): Promise<void> {
  await provider.sql(
    "update client_documents set expires_at = now() - interval '1 minute' where client_id = $1",
    [id],
  );
  const { metadata } = await provider.operator.clients.find(by, id);
  const ttl = metadata['access_token_ttl'] === 300 ? 301 : 300;
  await provider.operator.clients.update(by, id, { metadata: { access_token_ttl: ttl } });
}

beforeAll(async () => {
  const port = await freePort();
  origin = `https://localhost:${port}`;
  const server = createServer(
    { key: readFileSync(path.join(TLS, 'server.key')), cert: readFileSync(path.join(TLS, 'server.pem')) },
    (req, res) => {
      const url = req.url ?? '';
      asked.set(url, (asked.get(url) ?? 0) + 1);
      const { status = 200, headers = {}, body = '' } = replies.get(url) ?? { status: 404 };
      if (body === null) return;
      res.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      res.end(typeof body === 'string' ? body : JSON.stringify(body));
    },
  );
  await listenUntilEnd(server, port);
  provider = await startProvider({
    env: { NODE_EXTRA_CA_CERTS: path.join(TLS, 'ca.pem') },
    settings: { outbound: { allow: ['localhost'] }, clientDocuments: { deny: ['denied.example.test'] } },
  });
  person = await provider.createPerson();
});

const discovered = async () =>
  (await (await fetch(`${provider.url}/.well-known/oauth-authorization-server`)).json()) as Record<
    string,
    unknown
  >;

describe('a Client ID Metadata Document', () => {
  it('is accepted if an API allows it, as discovery says', async () => {
    expect(await discovered()).not.toHaveProperty('client_id_metadata_document_supported');
    const id = publish('early');
    expect((await open(id)).html).toContain('invalid_client');
    expect(hits(id)).toBe(0);
    await provider.createApi({
      identifier: SERVER,
      name: 'Tools',
      scopes: ['tools:read', 'tools:write'],
      dynamicClients: true,
    });
    await until(async () => (await discovered())['client_id_metadata_document_supported'] === true);
  });

  it('signs people in, who see its host, and is fetched once', async () => {
    const id = publish('assistant', {
      client_name: 'Bank',
      grant_types: ['authorization_code', 'refresh_token', 'x'],
    });
    const agent = new UserAgent(provider.url);
    let page = await open(id, {}, agent);
    page = await agent.submit(page, { identifier: person.email, password: person.password }, '/sign-in');
    expect(page.html).toContain(new URL(origin).host);
    expect(page.html).toContain('Continue only if you have just started it yourself');
    await atOnce(4, () => tokensOf(id));
    const { status, body } = await tokensOf(id);
    expect([status, body.scope]).toEqual([200, 'tools:read tools:write']);
    expect(hits(id)).toBe(1);
    expect((await refresh(provider, client(id), body.refresh_token)).status).toBe(200);
    expect(await provider.operator.clients.find(by, id)).toMatchObject({
      name: 'Bank',
      metadata: { registration: 'document', application_type: 'native' },
    });
  });

  it('works with the MCP SDK', async () => {
    const id = publish('sdk');
    const saved: object[] = [];
    const sdk: OAuthClientProvider = {
      redirectUrl: CALLBACK,
      clientMetadataUrl: id,
      clientMetadata: { redirect_uris: [CALLBACK] },
      clientInformation: () => undefined,
      saveClientInformation: (information) => void saved.push(information),
      tokens: () => undefined,
      saveTokens: () => undefined,
      saveCodeVerifier: () => undefined,
      codeVerifier: () => '',
      redirectToAuthorization: (url) => void saved.push({ url: url.href }),
    };
    // The resource names its authorization server.
    const fetchFn = async (url: string | URL, init?: RequestInit) =>
      String(url).includes('oauth-protected-resource')
        ? Response.json({ resource: SERVER, authorization_servers: [provider.url] })
        : fetch(url, init);
    expect(await auth(sdk, { serverUrl: SERVER, fetchFn })).toBe('REDIRECT');
    expect(saved).toMatchObject([
      { client_id: id },
      { url: expect.stringContaining(encodeURIComponent(id)) },
    ]);
  });

  it('is fetched again when it has expired, keeps operators’ changes, and stays valid while its host is down', async () => {
    const id = publish('changing');
    expect((await tokensOf(id)).status).toBe(200);
    publish('changing', { client_name: 'Another name' });
    await expire(id);
    await until(async () => {
      await open(id);
      return (await provider.operator.clients.find(by, id)).name === 'Another name';
    });
    expect((await provider.operator.clients.find(by, id)).metadata['access_token_ttl']).toBe(300);
    publish('changing', {}, { status: 500 });
    await expire(id);
    expect((await tokensOf(id)).status).toBe(200);
  });

  it('cannot redeem a code for a redirect URI that was removed', async () => {
    const id = publish('moving');
    const agent = new UserAgent(provider.url);
    const { leftFor } = await answer(agent, await open(id, {}, agent), person);
    publish('moving', { redirect_uris: ['http://127.0.0.1/elsewhere'] });
    await expire(id);
    const code = leftFor?.searchParams.get('code') ?? '';
    await until(async () => {
      const { status } = await exchange(provider, client(id), code, { resource: SERVER });
      return status === 400;
    });
    expect((await open(id)).html).toContain('redirect_uri');
  });

  it('authenticates with the keys at its jwks_uri, also after a rotation', async () => {
    const jwksUri = `${origin}/jwks`;
    const id = publish('keys', {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: jwksUri,
      ...REFRESHING,
    });
    const key = async (kid: string) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      replies.set('/jwks', { body: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256' }] } });
      return async () => ({
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await new SignJWT({ jti: randomUUID() })
          .setProtectedHeader({ alg: 'ES256', kid })
          .setIssuer(id)
          .setSubject(id)
          .setAudience(provider.url)
          .setExpirationTime('1m')
          .sign(privateKey),
        resource: SERVER,
      });
    };
    const first = await key('first');
    const agent = new UserAgent(provider.url);
    const { leftFor } = await answer(agent, await open(id, {}, agent), person);
    const code = leftFor?.searchParams.get('code') ?? '';
    const { body } = await exchange(provider, client(id), code, await first());
    const second = await key('second');
    // Keys are cached for a minute, but dropped with the changed client.
    await expire(id);
    await until(
      async () => (await refresh(provider, client(id), body.refresh_token, await second())).status === 200,
    );
    expect((await tokensOf(id)).status).toBe(401);
  });

  it('can be blocked, which ends its tokens, and deleted by an operator', async () => {
    const id = publish('blocked');
    const { body } = await tokensOf(id);
    await provider.operator.clients.setEnabled(by, id, false);
    await until(async () => (await open(id)).html.includes('this client is disabled'));
    expect((await refresh(provider, client(id), body.refresh_token)).status).toBe(401);
    await provider.operator.clients.remove(by, id);
    await until(async () => (await tokensOf(id)).status === 200);
    expect((await refresh(provider, client(id), body.refresh_token)).status).toBe(400);
    expect(hits(id)).toBe(2);
  });

  it('is deleted if it was never used, but not if it is blocked', async () => {
    const [unused, blocked] = [publish('unused'), publish('unused-blocked')];
    for (const id of [unused, blocked]) await open(id);
    await provider.operator.clients.setEnabled(by, blocked, false);
    await provider.sql("update clients set created_at = now() - interval '8 days' where id = any($1)", [
      [unused, blocked],
    ]);
    await provider.operator.sweep();
    await expect(provider.operator.clients.find(by, unused)).rejects.toThrow();
    expect(await provider.operator.clients.find(by, blocked)).toMatchObject({ enabled: false });
  });
});

describe('an invalid Client ID Metadata Document', () => {
  it.each<[string, string, () => string]>([
    [
      'is a redirect',
      'redirect',
      () => publish('r', {}, { status: 302, headers: { Location: `${origin}/sdk` } }),
    ],
    ['is too large', '5120 bytes', () => publish('huge', { contacts: ['x'.repeat(6000)] })],
    ['is HTML', 'application/json', () => publish('page', {}, { headers: { 'Content-Type': 'text/html' } })],
    ['does not exist', 'status 404', () => `${origin}/nothing`],
    ['is that of another client', 'not its URL', () => publish('other', { client_id: `${origin}/sdk` })],
    ['contains a secret', 'secret', () => publish('secret', { client_secret: 'x' })],
    [
      'points to an internal address',
      'could not be fetched',
      () => `https://127.0.0.1:${new URL(origin).port}/sdk`,
    ],
    ['is of a denied host', 'invalid_client', () => 'https://a.denied.example.test/client.json'],
    ['has no plain URL', 'invalid_client', () => `${origin}/a/../sdk`],
  ])('that %s is reported, and not fetched again at once', async (_, reason, make) => {
    await resetCounters(provider, 'guess:client_document');
    const id = make();
    const before = asked.get('/sdk');
    const [first, second] = [await open(id), await open(id)];
    for (const page of [first, second]) {
      expect(page).toMatchObject({ status: 400, leftFor: null });
      expect(page.html).toContain(reason);
    }
    expect(id.startsWith(origin) ? hits(id) : 0).toBeLessThanOrEqual(1);
    expect(asked.get('/sdk')).toBe(before);
    expect(
      await post(provider, 'token', client(id), { grant_type: 'authorization_code', code: 'x' }),
    ).toMatchObject({
      status: 401,
    });
  });

  it('is limited in requests from one address', async () => {
    await resetCounters(provider, 'guess:client_document');
    const statuses = [];
    for (let n = 0; n < 21; n += 1) statuses.push((await open(`${origin}/flood-${n}`)).status);
    expect(statuses.slice(0, 20).every((status) => status === 400)).toBe(true);
    expect(statuses[20]).toBe(429);
    await resetCounters(provider, 'guess:client_document');
  });
});

describe('the content of a Client ID Metadata Document', () => {
  const ID = 'https://app.example.com/client.json';
  const read = (document: object) =>
    readDocument(ID, JSON.stringify({ client_id: ID, redirect_uris: [CALLBACK], ...document }));

  it('is limited to its own host and to what clients may register', () => {
    expect(
      read({
        redirect_uris: [CALLBACK, 'https://elsewhere.example/callback', 'https://app.example.com/callback'],
        first_party: true,
        scope: 'openid users:write',
        roles: ['owner'],
      }),
    ).toEqual({
      name: 'app.example.com',
      metadata: {
        redirect_uris: [CALLBACK, 'https://app.example.com/callback'],
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        scope: 'openid offline_access',
        registration: 'document',
      },
    });
  });

  it.each<[string, object]>([
    ['redirect URIs on other hosts only', { redirect_uris: ['https://elsewhere.example/'] }],
    ['no redirect URIs', { redirect_uris: [] }],
    ['a script', { redirect_uris: ['javascript:alert(1)'] }],
    ['a shared secret', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['a reversed name', { client_name: 'knaB\u202e' }],
    ['an invisible name', { client_name: 'Ba\u200bnk' }],
    ['an overlong name', { client_name: 'a'.repeat(101) }],
    ['keys on another host', { jwks_uri: 'https://keys.example/jwks' }],
    ['a logo on another host', { logo_uri: 'https://logos.example/bank.png' }],
    ['grants for services only', { grant_types: ['client_credentials'] }],
  ])('is refused with %s', (_, document) => {
    expect(() => read(document)).toThrow();
  });

  it.each(['[]', 'null', '"a"', '{', ''])('is refused as invalid JSON: %s', (text) => {
    expect(() => readDocument(ID, text)).toThrow();
  });
});
