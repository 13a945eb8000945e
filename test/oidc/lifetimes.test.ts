import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { SIGNING_ALGS } from '../../src/core/tokens.ts';
import { until } from '../support/until.ts';
import { runCli } from '../support/postern.ts';
import { introspect, post, refresh, signIn, type Tokens } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const FIVE_MINUTES = 'https://five-minutes.example.test';
const ONE_DAY = 'https://one-day.example.test';
const OWN = { access_token_ttl: 700, id_token_ttl: 800, refresh_token_ttl: 9_000 };

describe('token lifetimes and algorithms', () => {
  let provider: Provider;
  let person: Person;
  let agent: UserAgent;
  let watcher: Client;
  beforeAll(async () => {
    provider = await startProvider();
    await Promise.all([
      provider.createApi({ identifier: FIVE_MINUTES, accessTokenTtl: 300 }),
      provider.createApi({ identifier: ONE_DAY, accessTokenTtl: 86_400 }),
      ...SIGNING_ALGS.map((alg) =>
        provider.createApi({ identifier: `https://${alg.toLowerCase()}.example.test`, signingAlg: alg }),
      ),
    ]);
    [person, watcher] = await Promise.all([
      provider.createPerson(),
      provider.createClient({ grant_types: ['client_credentials'] }),
    ]);
    agent = new UserAgent(provider.url);
  });

  const cli = (...args: string[]) => runCli([...args, '--json'], { env: provider.postern.env });
  const forItself = (client: Client, resource: string) =>
    post<Tokens>(provider, 'token', client, { grant_type: 'client_credentials', resource });
  const times = async (client: Client, token: string) => {
    const { body } = await introspect(provider, client, token);
    const { exp, iat } = body as { exp: number; iat: number };
    return { exp, lives: exp - iat };
  };

  it.each(SIGNING_ALGS)('are those of the API: signed with %s', async (alg) => {
    const audience = `https://${alg.toLowerCase()}.example.test`;
    const { body } = await forItself(watcher, audience);
    const keys = createRemoteJWKSet(new URL(`${provider.url}/oauth2/jwks`));
    const { payload } = await jwtVerify(body.access_token, keys, {
      issuer: provider.url,
      audience,
      typ: 'at+jwt',
      algorithms: [alg],
    });
    expect(payload.sub).toBe(watcher.id);
    expect(await introspect(provider, watcher, body.access_token)).toMatchObject({ body: { active: true } });
  });

  it('are those of the client, or those of the API if shorter', async () => {
    const client = await provider.createClient(OWN);
    const get = (resource: string) =>
      signIn(provider, client, person, {
        agent,
        parameters: resource ? { scope: 'openid read', resource } : { scope: 'openid' },
      });
    const tokens = await get('');
    expect(tokens.expires_in).toBe(700);
    const { exp = 0, iat = 0 } = decodeJwt(tokens.id_token);
    expect(exp - iat).toBe(800);
    expect((await times(client, tokens.refresh_token)).lives).toBe(9_000);
    expect((await get(FIVE_MINUTES)).expires_in).toBe(300);
    expect((await get(ONE_DAY)).expires_in).toBe(700);
  });

  it('are those of a service account too', async () => {
    const service = await provider.createClient({
      grant_types: ['client_credentials'],
      access_token_ttl: 500,
    });
    expect((await forItself(service, ONE_DAY)).body.expires_in).toBe(500);
    expect((await forItself(service, FIVE_MINUTES)).body.expires_in).toBe(300);
    expect((await forItself(service, `${provider.url}/api/v2`)).body.expires_in).toBe(500);
    expect((await forItself(watcher, ONE_DAY)).body.expires_in).toBe(86_400);
  });

  it('limit refresh tokens as the client says, however often they are used', async () => {
    const client = await provider.createClient({ refresh_token_absolute_ttl: 1_000 });
    const first = await signIn(provider, client, person, { agent });
    const { exp, lives } = await times(client, first.refresh_token);
    expect(lives).toBeLessThanOrEqual(1_000);
    const second = await refresh(provider, client, first.refresh_token);
    // A second may begin between two readings of the clock.
    expect((await times(client, second.body.refresh_token)).exp).toBeLessThanOrEqual(exp + 1);
  });

  it('are changed by `postern client update`, which keeps the rest', async () => {
    const service = await provider.createClient({ grant_types: ['client_credentials'], scope: 'read' });
    const line = `client update ${service.id} --name Renamed --access-token-ttl 60`;
    const { code, stdout } = await cli(...line.split(' '));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      client_id: service.id,
      name: 'Renamed',
      grant_types: ['client_credentials'],
    });
    await until(async () => (await forItself(service, ONE_DAY)).body.expires_in === 60);
    const own = await post(provider, 'token', service, {
      grant_type: 'client_credentials',
      resource: ONE_DAY,
      scope: 'write',
    });
    expect(own).toMatchObject({ body: { error: 'invalid_scope' } });
    await cli('client', 'update', service.id, '--metadata', '{"access_token_ttl":null}');
    await until(async () => (await forItself(service, ONE_DAY)).body.expires_in === 86_400);
    const [event] = await provider.sql(
      "select details from audit_events where type = 'client.updated' and client_id = $1 order by at limit 1",
      [service.id],
    );
    expect(event).toEqual({
      details: {
        name: 'Renamed',
        properties: ['access_token_ttl'],
        before: { access_token_ttl: null, name: 'Test client' },
        after: { access_token_ttl: 60, name: 'Renamed' },
      },
    });
  });

  it.each([
    ['access_token_ttl', 0],
    ['access_token_ttl', 86_401],
    ['access_token_ttl', 1.5],
    ['access_token_ttl', '60'],
    ['id_token_ttl', -1],
    ['id_token_ttl', 86_401],
    ['refresh_token_ttl', 0],
    ['refresh_token_absolute_ttl', 1e12],
  ])('are refused: %s as %j', async (name, value) => {
    await expect(provider.createClient({ [name]: value })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
      details: { reason: expect.stringContaining(`${name} must be seconds, 1 to`) },
    });
  });

  it.each([
    ['client update no-such-client --name X', 1],
    ['client update ID --access-token-ttl 86401', 2],
    ['client update ID --metadata {"id_token_ttl":0}', 1],
    ['client update ID --grant nonsense', 1],
    ['client update ID --jwks /no/such/file', 2],
    ['api create --identifier https://a.example --name A --alg HS256', 2],
    ['api create --identifier https://a.example --name A --ttl 86401', 2],
  ])('are refused by `postern %s` with status %i', async (line, status) => {
    const { code, stderr } = await cli(...line.replace('ID', watcher.id).split(' '));
    expect(code).toBe(status);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
