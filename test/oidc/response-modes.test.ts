import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import * as oidc from 'openid-client';
import { authorizationUrl } from './support/flow.ts';
import { type ClientKeys, clientKeys } from './support/keys.ts';
import { type Person, type Provider, startProvider } from './support/provider.ts';
import { attempt, relyingParty, visit } from './support/relying-party.ts';
import { UserAgent } from './support/user-agent.ts';

let provider: Provider;
let person: Person;
let keys: ClientKeys;
beforeAll(async () => {
  [provider, keys] = await Promise.all([startProvider(), clientKeys()]);
  person = await provider.createPerson();
});

describe('a signed response (JARM)', () => {
  it.each(['RS256', 'ES256', 'EdDSA'])('with %s is accepted by openid-client', async (alg) => {
    const client = await provider.createClient({ authorization_signed_response_alg: alg });
    const config = await relyingParty(provider, client, { authorization_signed_response_alg: alg });
    oidc.useJwtResponseMode(config);
    const { parameters, checks } = await attempt(client);
    const back = await visit(provider, oidc.buildAuthorizationUrl(config, parameters), person);
    expect([...back.searchParams.keys()]).toEqual(['response']);
    const tokens = await oidc.authorizationCodeGrant(config, back, checks);
    expect(tokens.claims()).toMatchObject({ sub: person.id });
  });

  it.each([
    ['query.jwt', (back: URL) => back.searchParams],
    ['fragment.jwt', (back: URL) => new URLSearchParams(back.hash.slice(1))],
  ])('is sent by %s', async (mode, where) => {
    const client = await provider.createClient();
    const back = await visit(
      provider,
      new URL(authorizationUrl(provider, client, { response_mode: mode })),
      person,
    );
    const payload = decodeJwt(where(back).get('response') ?? '');
    expect(payload).toMatchObject({
      iss: provider.url,
      aud: client.id,
      code: expect.any(String),
      state: 'a-state',
    });
    expect(payload.exp).toBeLessThan(Date.now() / 1000 + 601);
  });

  it('can contain an error', async () => {
    const client = await provider.createClient();
    const page = await new UserAgent(provider.url).open(
      authorizationUrl(provider, client, { response_mode: 'jwt', prompt: 'none' }),
    );
    expect(decodeJwt(page.leftFor?.searchParams.get('response') ?? '')).toMatchObject({
      error: 'login_required',
      aud: client.id,
    });
  });

  it('is encrypted if the client wants it', async () => {
    const client = await provider.createClient({
      jwks: keys.jwks,
      authorization_signed_response_alg: 'ES256',
      authorization_encrypted_response_alg: 'RSA-OAEP-256',
      authorization_encrypted_response_enc: 'A256GCM',
    });
    const config = await relyingParty(provider, client, { authorization_signed_response_alg: 'ES256' });
    oidc.useJwtResponseMode(config);
    oidc.enableDecryptingResponses(config, ['A256GCM'], { key: keys.encryption.privateKey, kid: 'opens' });
    const { parameters, checks } = await attempt(client);
    const back = await visit(provider, oidc.buildAuthorizationUrl(config, parameters), person);
    expect(back.searchParams.get('response')?.split('.')).toHaveLength(5);
    expect(await oidc.authorizationCodeGrant(config, back, checks)).toMatchObject({ token_type: 'bearer' });
  });
});

describe('form_post', () => {
  const unescape = (html: string) =>
    [
      ['&#34;', '"'],
      ['&quot;', '"'],
      ['&#39;', "'"],
      ['&lt;', '<'],
      ['&gt;', '>'],
      ['&amp;', '&'],
    ].reduce((text, [entity = '', character = '']) => text.replaceAll(entity, character), html);

  it.each(['form_post', 'form_post.jwt'])(
    '%s shows a form with a button, under the policy of every page',
    async (mode) => {
      const client = await provider.createClient();
      const agent = new UserAgent(provider.url);
      const state = `"><script>alert(1)</script>&amp;'`;
      const start = await agent.open(authorizationUrl(provider, client, { response_mode: mode, state }));
      let page = await agent.submit(
        start,
        { identifier: person.email, password: person.password },
        '/sign-in',
      );
      page = await agent.submit(page, { decision: 'allow' }, '/consent');
      expect(page).toMatchObject({ status: 200, leftFor: null });
      const policy = page.headers.get('content-security-policy');
      // Where the client redirects is its own affair.
      expect(policy).not.toContain('form-action');
      expect(policy).toContain(`script-src 'self';`);
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.html).not.toContain('<script>');
      expect(page.html).toContain(`<form method="post" action="${client.redirectUri}" data-submit>`);
      const field = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page.html)?.[1] ?? '';
      const jwt = mode === 'form_post.jwt' ? decodeJwt(field('response')) : undefined;
      const posted = unescape(field('state'));
      expect(jwt?.['state'] ?? posted).toBe(state);
      const code = (jwt?.['code'] as string | undefined) ?? field('code');
      expect(code).not.toBe('');
    },
  );

  it('can post an error', async () => {
    const client = await provider.createClient();
    const page = await new UserAgent(provider.url).open(
      authorizationUrl(provider, client, { response_mode: 'form_post', prompt: 'none' }),
    );
    expect(page.html).toContain('name="error" value="login_required"');
    expect(page.html).toContain('name="state" value="a-state"');
  });
});
