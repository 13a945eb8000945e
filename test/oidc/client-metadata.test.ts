import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { type Configuration, errors, Provider } from 'oidc-provider';
import { loadConfig } from '../../src/config/index.ts';
import { STANDARD_SCOPES } from '../../src/core/scopes.ts';
import { Secrets } from '../../src/core/secrets.ts';
import { validateExtraMetadata } from '../../src/oidc/clients/metadata-checks.ts';
import { type ExtraProperty } from '../../src/oidc/clients/property.ts';
import { EXTRA_METADATA, LIBRARY_METADATA, nameProblem, propertyOf } from '../../src/oidc/clients/names.ts';
import { type ConfigurationDependencies, createConfiguration } from '../../src/oidc/configuration.ts';

test.each([
  ['logo_url', 'is not client metadata; did you mean logo_uri?'],
  ['redirectUris', 'is not client metadata; did you mean redirect_uris?'],
  ['grant_type', 'is not client metadata; did you mean grant_types?'],
  ['requrie_pkce', 'is not client metadata; did you mean require_pkce?'],
  ['quux', 'is not client metadata'],
  ['x'.repeat(100_000), 'is not client metadata'],
  ['client_name', 'is set by --name'],
  ['client_secret', expect.stringContaining('--client-secret-stdin')],
  ['logo_uri', null],
  ['first_party', null],
])('%.30s', (name, problem) => {
  expect(nameProblem(name)).toEqual(problem);
});

test('the metadata properties are those that the library knows', async () => {
  jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  const on = { enabled: true };
  const features = {
    backchannelLogout: on,
    ciba: on,
    encryption: on,
    introspection: on,
    jwtIntrospection: on,
    jwtResponseModes: on,
    jwtUserinfo: on,
    mTLS: { ...on, tlsClientAuth: true, certificateBoundAccessTokens: true },
    requestObjects: on,
    richAuthorizationRequests: on,
  } as unknown as NonNullable<Configuration['features']>;
  const provider = new Provider('http://localhost', {
    clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'tls_client_auth'],
    features,
  });
  await provider.Client.find('nobody');
  const inside = path.resolve(
    import.meta.dirname,
    '../../node_modules/oidc-provider/lib/helpers/weak_cache.js',
  );
  const { default: instance } = (await import(inside)) as {
    default(of: Provider): { RECOGNIZED_METADATA: string[] };
  };
  const recognized = instance(provider).RECOGNIZED_METADATA;
  const setElsewhere = recognized.filter((name) => /^client_(?!uri$)/.test(name));
  expect(setElsewhere.map(nameProblem)).not.toContain(null);
  const others = recognized.filter((name) => !setElsewhere.includes(name));
  expect([...LIBRARY_METADATA].sort()).toEqual(others.sort());
});

const own = EXTRA_METADATA.filter((name) => !(propertyOf(name) as ExtraProperty).internal);

test('docs/client-metadata.md lists every property', () => {
  const registered = { all: 'yes', policy: 'by policy', none: 'no' };
  const rows = [...LIBRARY_METADATA, ...own].map((name) => {
    const { meaning, default: otherwise, registrants, option } = propertyOf(name);
    const flag = option ? `\`${option.flags.split(' ')[0]}\`` : '';
    return [`\`${name}\``, otherwise, registered[registrants], flag, meaning];
  });
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/client-metadata.md'), 'utf8');
  const written = [...page.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) =>
    row.split(' | ').map((cell) => cell.trim()),
  );
  expect(written).toEqual(rows);
});

describe('the metadata defaults', () => {
  test('are those of a client registered without metadata', () => {
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const config = loadConfig({ NODE_ENV: 'test', CONFIG_FILE: '/dev/null' });
    const secrets = new Secrets('a secret of the tests that is long enough');
    const attributes = { claimsByScope: () => ({}), scopes: () => STANDARD_SCOPES };
    const deps = { config, clock: { now: Date.now }, secrets, authorization: {}, attributes, pages: {} };
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' };
    const configuration = createConfiguration(deps as unknown as ConfigurationDependencies, { keys: [key] });
    const { Client } = new Provider(config.publicUrl, configuration);
    const made = new (Client as unknown as new (metadata: object) => { metadata(): Record<string, unknown> })(
      {
        client_id: 'one',
        client_secret: 'x'.repeat(64),
        redirect_uris: ['https://app.example.com/cb'],
      },
    );
    const { client_id: _id, client_secret: _secret, redirect_uris: _uris, ...metadata } = made.metadata();
    for (const [name, value] of Object.entries(metadata)) {
      const words = [value].flat().join(' ');
      const shown = words === '' ? 'none' : `\`${words}\``;
      const stated = propertyOf(name as (typeof LIBRARY_METADATA)[number]).default;
      expect([name, stated.split(';')[0]]).toEqual([name, shown]);
    }
  });
});

function refusalOf(...check: Parameters<typeof validateExtraMetadata>): string | undefined {
  try {
    validateExtraMetadata(...check);
    return undefined;
  } catch (error) {
    if (!(error instanceof errors.InvalidClientMetadata)) throw error;
    return error.error_description;
  }
}

test.each<[name: string, good: unknown, bad: unknown, problem: string]>([
  ['require_pkce', true, 'yes', 'must be true or false'],
  ['refresh_token_grace', 0, 61, 'must be seconds, 0 to 60'],
  ['access_token_ttl', 86_400, 0, 'must be seconds, 1 to 86400'],
  ['refresh_token_ttl', 1, 1.5, 'must be seconds, 1 to 315360000'],
  [
    'allowed_cors_origins',
    ['https://a.example'],
    ['https://a.example/'],
    'must be a list of origins like https://app.example.com',
  ],
  ['default_resource', 'urn:api', 'api', 'must be an absolute URI'],
  ['apis', ['https://a.example'], 'https://a.example', 'must be a list of absolute URIs'],
  ['id_token_claims', 'minimal', 'none', 'must be one of scopes, minimal'],
  ['profile', 'fapi2', 'fapi', 'must be one of oauth2.1, fapi2, fapi2-message-signing'],
  ['may_act', 'one', '', 'must be a client_id'],
  ['subject_source', 'shop', '', 'must be the name of an import source'],
  ['token_exchange', { audiences: ['urn:api'] }, { audiences: [] }, 'must be like {"audiences":'],
  ['assertion_issuers', [], [{}], 'must be like [{"issuer":'],
])('%s', (name, good, bad, problem) => {
  const rest = { redirect_uris: ['https://app.example.com/cb'] };
  for (const value of [good, undefined]) expect(refusalOf(name, value, rest)).toBeUndefined();
  for (const value of [bad, null, [null], {}])
    expect(refusalOf(name, value, rest)).toContain(`${name} ${problem}`);
});

test.each<[name: string, value: unknown, problem: string]>([
  ['require_pkce', false, 'require_pkce must not be false for a public client (RFC 9700 section 2.1.1)'],
  ['apis', ['https://a.example'], 'apis cannot be set for a public client, which anybody can claim to be'],
  [
    'frontchannel_logout_uri',
    'https://b.example',
    'frontchannel_logout_uri must have the scheme, host and port of a redirect URI',
  ],
])('%s with the other metadata', (name, value, problem) => {
  const rest = { token_endpoint_auth_method: 'none' as const, redirect_uris: ['https://app.example.com/cb'] };
  expect(refusalOf(name, value, rest)).toBe(problem);
});
