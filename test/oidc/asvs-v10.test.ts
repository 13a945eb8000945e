import { beforeAll, describe, expect, it } from '@jest/globals';
import { authorize, authorizationUrl, exchange, post, signIn } from './support/flow.ts';
import { expireRecord } from './support/stored-records.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

/** Sections that no other test covers. docs/security.md lists all of them. */
describe('OWASP ASVS 5.0, V10', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  let agent: UserAgent;
  beforeAll(async () => {
    provider = await startProvider({ stores: 'PostgreSQL' });
    [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    agent = new UserAgent(provider.url);
    await signIn(provider, client, person, { agent });
  });

  const code = async () => (await authorize(provider, agent, client, person)).get('code') ?? '';

  it('10.4.3 a code lives for a minute at most', async () => {
    const late = await code();
    const [row] = await provider.sql(
      `select max((payload ->> 'exp')::int - (payload ->> 'iat')::int) as life from oidc_records
         where model = 'AuthorizationCode'`,
    );
    expect(row).toEqual({ life: 60 });
    await expireRecord(provider, 'AuthorizationCode', late);
    expect(await exchange(provider, client, late)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it('10.4.4 a client can use only the grants that it registered', async () => {
    const reply = await fetch(`${provider.url}/.well-known/openid-configuration`);
    const { grant_types_supported: grants } = (await reply.json()) as { grant_types_supported: string[] };
    const [bare, service] = await Promise.all([
      provider.createClient({ grant_types: ['authorization_code'] }),
      provider.createClient({ grant_types: ['client_credentials'] }),
    ]);
    for (const [by, own] of [
      [bare, 'authorization_code'],
      [service, 'client_credentials'],
    ] as const)
      for (const grant of grants.filter((one) => one !== own)) {
        const refused = await post(provider, 'token', by, { grant_type: grant });
        expect([grant, refused.status, refused.body['error']]).toEqual([grant, 400, 'unauthorized_client']);
      }
    expect(grants).not.toEqual(expect.arrayContaining(['password']));
    expect(grants).not.toEqual(expect.arrayContaining(['implicit']));
  });

  it('10.4.11 a client gets only the scopes that it registered', async () => {
    const modest = await provider.createClient({ scope: 'openid' });
    const { leftFor } = await agent.open(
      authorizationUrl(provider, modest, { scope: 'openid email offline_access' }),
    );
    expect(leftFor?.searchParams.get('error')).toBe('invalid_scope');
  });

  it('10.7.1 each app needs consent once, and again for more scopes', async () => {
    const app = await provider.createClient({}, { isPublic: true });
    const asks = async (scope: string, parameters = {}) =>
      agent.open(authorizationUrl(provider, app, { scope, ...parameters }));
    const silent = await asks('openid email', { prompt: 'none' });
    expect(silent.leftFor?.searchParams.get('error')).toBe('consent_required');
    const first = await asks('openid email');
    expect(first.html).toContain('value="allow"');
    const allowed = await agent.submit(first, { decision: 'allow' }, '/consent');
    expect(allowed.leftFor?.searchParams.has('code')).toBe(true);
    expect((await asks('openid email')).leftFor?.searchParams.has('code')).toBe(true);
    expect((await asks('openid email profile')).html).toContain('value="allow"');
    const again = await asks('openid email', { prompt: 'consent' });
    expect(again.html).toContain('value="allow"');
    const denied = await agent.submit(again, { decision: 'deny' }, '/consent');
    expect(denied.leftFor?.searchParams.get('error')).toBe('access_denied');
  });

  it('10.7.2 the consent page shows who asks, for what, and where the answer goes', async () => {
    const app = await provider.createClient();
    const { html } = await agent.open(authorizationUrl(provider, app, { scope: 'openid email' }));
    for (const words of [
      'Test client',
      'app.example.test',
      person.email,
      'See your email address',
      'This access lasts',
    ])
      expect(html).toContain(words);
  });
});
