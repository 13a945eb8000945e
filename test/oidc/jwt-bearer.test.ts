import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { json } from '../cli/support/commands.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { createService, JWT_BEARER, redeem } from './support/assertions.ts';
import { introspect, post } from './support/flow.ts';
import { assertion, epoch, type Keys, newKeys, proof } from './support/proofs.ts';
import { type Client, type Provider, startProvider, STORES } from './support/provider.ts';
import { startRequestRecorder } from './support/request-recorder.ts';

const REPORTS = 'https://reports.example.test';
const CI = 'https://ci.example.test';
const JOB = 'repo:example/app:main';

describe.each(STORES)('the JWT bearer grant on %s', (stores) => {
  let provider: Provider;
  let keys: Keys;
  let service: Client;
  let watcher: Client;
  beforeAll(async () => {
    [provider, keys] = await Promise.all([
      startProvider({ stores, settings: { outbound: { allow: ['127.0.0.1'] } } }),
      newKeys(),
    ]);
    await provider.createApi({ identifier: REPORTS });
    [service, watcher] = await Promise.all([
      createService(provider, { jwks: { keys: [keys.publicJwk] }, scope: 'read' }),
      provider.createClient({ grant_types: ['client_credentials'], apis: [REPORTS] }),
    ]);
  });

  const refused = { status: 400, body: { error: 'invalid_grant' } };

  it('issues a token to a service account for its own assertion', async () => {
    const reply = await redeem(provider, service, await assertion(provider, service.id, keys), {
      resource: REPORTS,
      scope: 'read',
    });
    expect(reply).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', expires_in: 1800, scope: 'read' },
    });
    expect(Object.keys(reply.body)).not.toEqual(expect.arrayContaining(['refresh_token', 'id_token']));
    const remote = createRemoteJWKSet(new URL(`${provider.url}/oauth2/jwks`));
    const { payload } = await jwtVerify(reply.body.access_token, remote, {
      issuer: provider.url,
      audience: REPORTS,
      typ: 'at+jwt',
    });
    expect(payload).toMatchObject({ sub: service.id, client_id: service.id, scope: 'read' });
    expect(await introspect(provider, watcher, reply.body.access_token)).toMatchObject({
      body: { active: true, sub: service.id },
    });
  });

  it('accepts an assertion once, also of parallel requests', async () => {
    const signed = await assertion(provider, service.id, keys);
    const replies = await Promise.all(
      Array.from({ length: 4 }, () => redeem(provider, service, signed, { resource: REPORTS })),
    );
    const [granted, ...others] = replies.toSorted((a, b) => a.status - b.status);
    expect(granted).toMatchObject({ status: 200 });
    for (const reply of [...others, await redeem(provider, service, signed)])
      expect(reply).toMatchObject(refused);
  });

  it('accepts another issuer’s assertion about a subject registered for the client', async () => {
    const ci = await newKeys('RS256');
    const jwks = { keys: [ci.publicJwk] };
    const client = await createService(provider, {
      assertion_issuers: ['repo:example/app:tag', JOB].map((subject) => ({ issuer: CI, subject, jwks })),
    });
    const other = await createService(provider, { jwks: { keys: [keys.publicJwk] } });
    const claims = { iss: CI, sub: JOB, exp: epoch() + 1800 };
    for (const aud of [provider.url, [provider.url], `${provider.url}/oauth2/token`]) {
      const signed = await assertion(provider, client.id, ci, { claims: { ...claims, aud } });
      const reply = await redeem(provider, client, signed);
      expect(decodeJwt(reply.body.access_token)).toMatchObject({ sub: client.id });
    }
    for (const [by, changes] of [
      [client, { ...claims, sub: 'repo:example/app:branch' }],
      [client, { ...claims, iss: 'https://ci2.example.test' }],
      [client, { ...claims, exp: epoch() + 7200 }],
      // Any of several audiences could use it here.
      [client, { ...claims, aud: [provider.url, 'https://other.example.test'] }],
      // It is valid for this client only, and not as client authentication.
      [other, claims],
      [client, { ...claims, iss: client.id, sub: client.id }],
    ] as const) {
      expect(
        await redeem(provider, by, await assertion(provider, by.id, ci, { claims: changes })),
      ).toMatchObject(refused);
    }
  });

  if (stores === 'PostgreSQL') return;

  it.each([
    ['the token endpoint', (url: string) => `${url}/oauth2/token`],
    ['the issuer among others', (url: string) => ['https://other.example.test', url]],
  ])('accepts the client’s own assertion for %s, up to an hour ahead', async (_, audience) => {
    const claims = { aud: audience(provider.url), exp: epoch() + 3600 };
    const signed = await assertion(provider, service.id, keys, { claims });
    expect(await redeem(provider, service, signed)).toMatchObject({ status: 200 });
  });

  it('works with openid-client', async () => {
    const config = await oidc.discovery(new URL(provider.url), service.id, undefined, oidc.None(), {
      execute: [oidc.allowInsecureRequests],
    });
    expect(config.serverMetadata().grant_types_supported).toContain(JWT_BEARER);
    const tokens = await oidc.genericGrantRequest(config, JWT_BEARER, {
      assertion: await assertion(provider, service.id, keys),
      resource: REPORTS,
    });
    expect(tokens.token_type).toBe('bearer');
  });

  it('can be set up by the command, with a file of keys', async () => {
    const file = path.join(await temporaryFolder(), 'keys.json');
    await writeFile(file, JSON.stringify({ keys: [keys.publicJwk] }));
    const line = `client create --name Courier --grant jwt-bearer --jwks ${file} --scope read`;
    const made = await json<{ client_id: string; client_secret: null }>(line.split(' '), {
      env: provider.postern.env,
    });
    expect(made).toMatchObject({
      client_secret: null,
      token_endpoint_auth_method: 'none',
      grant_types: [JWT_BEARER],
    });
    const client = { id: made.client_id, secret: '', redirectUri: '' };
    expect(await redeem(provider, client, await assertion(provider, client.id, keys))).toMatchObject({
      status: 200,
    });
    // The client_id alone grants nothing.
    expect(await post(provider, 'token', client, { grant_type: 'client_credentials' })).toMatchObject({
      status: 400,
    });
  });

  it.each(['ES256', 'EdDSA', 'PS256', 'RS256'])('accepts signatures with %s', async (alg) => {
    const own = await newKeys(alg);
    const client = await createService(provider, { jwks: { keys: [own.publicJwk] } });
    expect(await redeem(provider, client, await assertion(provider, client.id, own))).toMatchObject({
      status: 200,
    });
  });

  it('finds the key among several, with and without its kid', async () => {
    const [first, second] = [await newKeys(), await newKeys()];
    const client = await createService(provider, {
      jwks: { keys: [first, second].map(({ publicJwk }) => publicJwk) },
    });
    for (const own of [first, second]) {
      expect(await redeem(provider, client, await assertion(provider, client.id, own))).toMatchObject({
        status: 200,
      });
      const nameless = await assertion(provider, client.id, own, { header: { kid: undefined } });
      expect(await redeem(provider, client, nameless)).toMatchObject({ status: 200 });
    }
    expect(
      await redeem(
        provider,
        client,
        await assertion(provider, client.id, keys, { header: { kid: undefined } }),
      ),
    ).toMatchObject(refused);
  });

  it('binds the token to the key of the request’s DPoP proof (RFC 9449)', async () => {
    const key = await newKeys();
    const headers = { DPoP: await proof(provider, key) };
    const reply = await redeem(
      provider,
      service,
      await assertion(provider, service.id, keys),
      { resource: REPORTS },
      headers,
    );
    expect(reply.body).toMatchObject({ token_type: 'DPoP' });
    expect(decodeJwt(reply.body.access_token)).toMatchObject({
      cnf: { jkt: await calculateJwkThumbprint(key.publicJwk) },
    });
    const replayed = await redeem(
      provider,
      service,
      await assertion(provider, service.id, keys),
      { resource: REPORTS },
      headers,
    );
    expect(replayed).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
  });

  it('fetches keys from a registered URL, and tolerates its outage', async () => {
    const ci = await newKeys();
    let works = true;
    const publisher = await startRequestRecorder((_req, res) => {
      res.writeHead(works ? 200 : 500, { 'content-type': 'application/json' });
      res.end(works ? JSON.stringify({ keys: [ci.publicJwk] }) : '');
    });
    const at = (file: string) =>
      createService(provider, {
        assertion_issuers: [{ issuer: CI, subject: JOB, jwks_uri: `${publisher.url()}/${file}` }],
      });
    const [good, bad] = [await at('good'), await at('bad')];
    const claims = { iss: CI, sub: JOB };
    for (let times = 0; times < 3; times += 1)
      expect(await redeem(provider, good, await assertion(provider, good.id, ci, { claims }))).toMatchObject({
        status: 200,
      });
    expect(publisher.requests).toEqual(['GET /good']);
    works = false;
    expect(await redeem(provider, bad, await assertion(provider, bad.id, ci, { claims }))).toMatchObject(
      refused,
    );
    works = true;
    expect(await redeem(provider, bad, await assertion(provider, bad.id, ci, { claims }))).toMatchObject({
      status: 200,
    });
  });
});
