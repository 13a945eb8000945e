import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { runCli } from '../support/postern.ts';
import { freePort } from '../support/ports.ts';
import { authorize, form, VERIFIER } from './support/flow.ts';
import { secondNode } from './support/proofs.ts';
import { type Client, type Provider, startProvider } from './support/provider.ts';
import { certificate, fetchWith, HEADERS, startTlsProxy, type CertificateName } from './support/tls-proxy.ts';
import { UserAgent } from './support/user-agent.ts';

const API = 'https://api.example.test';
const SUBJECT = 'CN=client-1,OU=R\\+D,O=Example\\, Inc.,C=DE';
const thumbprint = (name: CertificateName) =>
  Buffer.from(new X509Certificate(certificate(name)).fingerprint256.replaceAll(':', ''), 'hex').toString(
    'base64url',
  );

describe('mutual TLS behind a proxy', () => {
  let provider: Provider;
  let origin: string;
  beforeAll(async () => {
    const port = await freePort();
    origin = `https://localhost:${port}`;
    provider = await startProvider({
      settings: {
        http: { trustedProxies: ['loopback'] },
        mtls: { certificateHeader: HEADERS.certificate, verifiedHeader: HEADERS.verified, origin },
      },
    });
    await startTlsProxy(port, provider.url);
    await provider.createApi({ identifier: API });
  });

  const service = (metadata: Record<string, unknown>) =>
    provider.createClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'tls_client_auth',
      ...metadata,
    });
  const ask = async ({ id }: Client, name?: CertificateName, body: Record<string, string> = {}) => {
    const reply = await fetchWith(name)(`${origin}/oauth2/token`, {
      method: 'POST',
      body: form({ grant_type: 'client_credentials', client_id: id, ...body }),
    });
    const json = (await reply.json()) as { error?: string; access_token: string };
    return { status: reply.status, error: json.error, token: json.access_token };
  };
  const REFUSED = { status: 401, error: 'invalid_client' };

  it.each([
    ['subject_dn', SUBJECT],
    ['subject_dn', 'cn=client-1, ou=R\\+D, o=Example\\, Inc., c=DE'],
    ['san_dns', 'client.example.test'],
    ['san_uri', 'urn:example:client-1'],
    ['san_ip', '192.0.2.7'],
    ['san_ip', '2001:db8::7'],
    ['san_email', 'client@example.test'],
  ])('authenticates a client by the %s %s of its certificate, and by no other', async (name, value) => {
    const client = await service({ [`tls_client_auth_${name}`]: value });
    expect(await ask(client, 'client')).toMatchObject({ status: 200 });
    for (const other of ['other', 'self-signed', undefined] as const)
      expect(await ask(client, other)).toMatchObject(REFUSED);
  });

  it.each([
    ['subject_dn', 'CN=client-1'],
    ['subject_dn', 'C=DE,O=Example\\, Inc.,OU=R\\+D,CN=client-1'],
    ['subject_dn', 'CN=client-1,OU=R\\+D,O=Example,C=DE'],
    ['san_dns', '.example.test'],
    ['san_dns', '*.example.test'],
    ['san_dns', 'example.test'],
    ['san_uri', 'urn:example:client'],
    ['san_ip', '192.0.2.70'],
    ['san_email', 'client@other.test'],
  ])('refuses a certificate without %s %s', async (name, value) => {
    expect(await ask(await service({ [`tls_client_auth_${name}`]: value }), 'client')).toMatchObject(REFUSED);
  });

  it('does not match a wildcard name in the certificate', async () => {
    expect(await ask(await service({ tls_client_auth_san_dns: 'a.example.test' }), 'other')).toMatchObject(
      REFUSED,
    );
  });

  it('authenticates a client by its own self-signed certificate', async () => {
    const x5c = [new X509Certificate(certificate('self-signed')).raw.toString('base64')];
    const jwk = new X509Certificate(certificate('self-signed')).publicKey.export({ format: 'jwk' });
    const client = await service({
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...jwk, x5c }] },
    });
    expect(await ask(client, 'self-signed')).toMatchObject({ status: 200 });
    for (const other of ['client', undefined] as const)
      expect(await ask(client, other)).toMatchObject(REFUSED);
  });

  it('refuses a certificate without a subject, and finds a name in it', async () => {
    const shown = (client: Client) =>
      fetch(`${provider.url}/oauth2/token`, {
        method: 'POST',
        headers: {
          [HEADERS.certificate]: encodeURIComponent(certificate('nameless')),
          [HEADERS.verified]: 'SUCCESS',
        },
        body: form({ grant_type: 'client_credentials', client_id: client.id }),
      });
    expect((await shown(await service({ tls_client_auth_subject_dn: SUBJECT }))).status).toBe(401);
    expect((await shown(await service({ tls_client_auth_san_dns: 'client.example.test' }))).status).toBe(200);
  });

  it('reads the certificate from a trusted proxy only, and refuses two certificates', async () => {
    const client = await service({ tls_client_auth_subject_dn: SUBJECT });
    const node = await secondNode(provider, {
      http: { trustedProxies: ['192.0.2.1'] },
      mtls: { certificateHeader: HEADERS.certificate },
    });
    const pem = encodeURIComponent(certificate('client'));
    const der = new X509Certificate(certificate('client')).raw.toString('base64');
    const say = async (url: string, shown: string, verified = 'SUCCESS') =>
      (
        await fetch(`${url}/oauth2/token`, {
          method: 'POST',
          headers: { [HEADERS.certificate]: shown, [HEADERS.verified]: verified },
          body: form({ grant_type: 'client_credentials', client_id: client.id }),
        })
      ).status;
    expect(await say(provider.url, pem)).toBe(200);
    expect(await say(provider.url, `:${der}:`)).toBe(200);
    expect(await say(node.url, pem)).toBe(401);
    expect(await say(provider.url, pem, 'success')).toBe(401);
    for (const odd of [`${pem}, ${pem}`, '%', 'x', encodeURIComponent('\0'), pem.slice(0, 200), ':AAAA:'])
      expect(await say(provider.url, odd)).toBe(401);
  });

  it('stops the start if a header is configured without a trusted proxy', async () => {
    const { code, stderr } = await runCli(['serve'], { settings: { mtls: { certificateHeader: 'X-Cert' } } });
    expect(code).not.toBe(0);
    expect(stderr).toContain('mtls.certificateHeader: needs http.trustedProxies');
  });

  it('works with openid-client, which finds the endpoint aliases, and binds its tokens', async () => {
    const client = await service({
      tls_client_auth_subject_dn: SUBJECT,
      tls_client_certificate_bound_access_tokens: true,
    });
    const config = await openid.discovery(
      new URL(provider.url),
      client.id,
      { use_mtls_endpoint_aliases: true },
      openid.TlsClientAuth(),
      { execute: [openid.allowInsecureRequests] },
    );
    config[openid.customFetch] = fetchWith('client') as unknown as openid.CustomFetch;
    const { access_token: token } = await openid.clientCredentialsGrant(config, { resource: API });
    const cnf = { 'x5t#S256': thumbprint('client') };
    expect(decodeJwt(token)).toMatchObject({ cnf });
    expect(await openid.tokenIntrospection(config, token)).toMatchObject({ active: true, cnf });
    expect(await ask(client, undefined)).toMatchObject(REFUSED);
  });

  it.each([
    ['opaque', 'openid'],
    ['for an API', 'openid me:profile:read'],
  ])('binds a public client’s tokens, which are refused without the certificate (%s)', async (_, scope) => {
    const [app, person] = await Promise.all([
      provider.createClient({ tls_client_certificate_bound_access_tokens: true }, { isPublic: true }),
      provider.createPerson(),
    ]);
    const answered = await authorize(provider, new UserAgent(provider.url), app, person, { scope });
    const exchange = {
      grant_type: 'authorization_code',
      code: answered.get('code') ?? '',
      redirect_uri: app.redirectUri,
      code_verifier: VERIFIER,
    };
    expect(await ask(app, undefined, exchange)).toMatchObject({ status: 400, error: 'invalid_grant' });
    const { token } = await ask(app, 'self-signed', exchange);
    const userinfo = async (name?: CertificateName) =>
      (await fetchWith(name)(`${origin}/oauth2/userinfo`, { headers: { authorization: `Bearer ${token}` } }))
        .status;
    expect(await userinfo('self-signed')).toBe(200);
    expect(await userinfo('client')).toBe(401);
    expect(await userinfo()).toBe(401);
  });
});
