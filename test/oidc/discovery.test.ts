import { beforeAll, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type Provider, startProvider } from './support/provider.ts';

let provider: Provider;
beforeAll(async () => {
  provider = await startProvider();
});

/** `fetch` does not let a caller set Host. */
async function withHost(path: string, host: string): Promise<{ status: number | undefined; body: string }> {
  const sent = request({ port: provider.postern.port, path, headers: { host } });
  sent.end();
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: reply.statusCode, body: await text(reply) };
}

it.each(['openid-configuration', 'oauth-authorization-server'])(
  'the server describes itself in %s',
  async (name) => {
    const reply = await fetch(`${provider.url}/.well-known/${name}`);
    expect(reply.headers.get('access-control-allow-origin')).toBe('*');
    expect(reply.headers.get('cache-control')).toBe('public, max-age=60');
    const { url } = provider;
    expect(await reply.json()).toMatchObject({
      issuer: url,
      authorization_endpoint: `${url}/oauth2/authorize`,
      token_endpoint: `${url}/oauth2/token`,
      userinfo_endpoint: `${url}/oauth2/userinfo`,
      jwks_uri: `${url}/oauth2/jwks`,
      introspection_endpoint: `${url}/oauth2/introspect`,
      revocation_endpoint: `${url}/oauth2/revoke`,
      end_session_endpoint: `${url}/oauth2/logout`,
      pushed_authorization_request_endpoint: `${url}/oauth2/par`,
      backchannel_authentication_endpoint: `${url}/oauth2/bc-authorize`,
      backchannel_token_delivery_modes_supported: ['poll', 'ping'],
      backchannel_user_code_parameter_supported: false,
      device_authorization_endpoint: `${url}/oauth2/device_authorization`,
      response_types_supported: ['code'],
      grant_types_supported: expect.arrayContaining([
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:openid:params:grant-type:ciba',
      ]),
      code_challenge_methods_supported: ['S256'],
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256', 'ES256', 'EdDSA']),
      prompt_values_supported: ['none', 'login', 'consent', 'create', 'select_account'],
      ui_locales_supported: ['en', 'de', 'es', 'zh'],
      scopes_supported: expect.arrayContaining(
        'openid profile email address phone offline_access'.split(' '),
      ),
      // OpenID Connect Core section 5.1.
      claims_supported: expect.arrayContaining(
        `sub name given_name family_name middle_name nickname preferred_username profile picture website email
       email_verified gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at`.split(
          /\s+/,
        ),
      ),
      claims_parameter_supported: true,
      authorization_response_iss_parameter_supported: true,
    });
  },
);

it('the JWKS has a public key for each algorithm, and no private part', async () => {
  const reply = await fetch(`${provider.url}/oauth2/jwks`);
  expect(reply.headers.get('access-control-allow-origin')).toBe('*');
  const { keys } = (await reply.json()) as { keys: Record<string, unknown>[] };
  expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['ES256', 'EdDSA', 'PS256', 'RS256']));
  for (const key of keys) {
    expect(key).toMatchObject({ use: 'sig', kid: expect.any(String) });
    expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['d']));
  }
});

it.each(['/.well-known/openid-configuration', '/oauth2/authorize?client_id=x', '/sign-in', '/'])(
  '%s is the same whatever the Host of the request',
  async (path) => {
    const { status, body } = await withHost(path, 'attacker.example.test');
    expect(body).not.toContain('attacker');
    // Discovery returns the same bytes for any Host. Other paths are refused for a foreign Host.
    expect(status).toBe(path.startsWith('/.well-known') ? 200 : 421);
  },
);

it('X-Forwarded-Host and X-Forwarded-Proto of an untrusted proxy are ignored', async () => {
  const reply = await fetch(`${provider.url}/sign-in`, {
    headers: { 'x-forwarded-host': 'attacker.example.test', 'x-forwarded-proto': 'https' },
  });
  expect(reply.status).toBe(200);
  expect(await reply.text()).not.toContain('attacker');
});
