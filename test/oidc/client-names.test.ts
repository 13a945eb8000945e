import path from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { type Configuration, Provider } from 'oidc-provider';
import { LIBRARY_METADATA, nameProblem } from '../../src/oidc/clients/names.ts';

test.each([
  ['logo_url', 'is no client metadata; did you mean logo_uri?'],
  ['redirectUris', 'is no client metadata; did you mean redirect_uris?'],
  ['grant_type', 'is no client metadata; did you mean grant_types?'],
  ['requrie_pkce', 'is no client metadata; did you mean require_pkce?'],
  ['quux', 'is no client metadata'],
  ['x'.repeat(100_000), 'is no client metadata'],
  ['client_name', 'is set by --name'],
  ['client_secret', expect.stringContaining('--client-secret-stdin')],
  ['logo_uri', null],
  ['first_party', null],
])('%.30s', (name, problem) => {
  expect(nameProblem(name)).toEqual(problem);
});

test('are those that the library knows', async () => {
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
