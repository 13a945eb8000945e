import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { atOnce, authorizationUrl, post, push, pushedUrl, signIn } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const MAX_OPEN = 500;

describe('an anonymous visitor', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  let redis: Redis;
  beforeAll(async () => {
    provider = await startProvider({ settings: { http: { trustedProxies: ['loopback'] } } });
    [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    redis = new Redis(provider.postern.env['REDIS_URL'] ?? '');
  });

  afterAll(() => redis.disconnect());

  /** Requests from an address, like a browser that does not follow redirects. */
  const ask = (from: string, url: string) =>
    fetch(url, { redirect: 'manual', headers: { 'accept': 'text/html', 'x-forwarded-for': from } });
  const visits = async () => redis.keys('postern:Interaction:*');
  const errorOf = (reply: Response) =>
    new URL(reply.headers.get('location') ?? '', provider.url).searchParams.get('error');

  /**
   * Everything in Redis for visits: bytes including the overhead of Redis, and the longest time to live in
   * milliseconds.
   */
  async function cost() {
    const keys = [...(await visits()), ...(await redis.keys('postern:counter:open:*'))];
    const bytes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)));
    const lives = await Promise.all(keys.map((key) => redis.pttl(key)));
    return { bytes: bytes.reduce<number>((sum, each) => sum + (each ?? 0), 0), life: Math.max(...lives) };
  }

  it('leaves at most 2 KB for ten minutes, however long the request', async () => {
    for (const long of [
      { state: 'x'.repeat(1_025) },
      { nonce: 'x'.repeat(257) },
      { login_hint: 'x'.repeat(2_000) },
      { claims: JSON.stringify({ id_token: { sub: { value: 'x'.repeat(2_000) } } }) },
    ])
      expect(errorOf(await ask('192.0.2.1', authorizationUrl(provider, client, long)))).toBe(
        'invalid_request',
      );
    expect(await visits()).toEqual([]);
    for (const request of [
      (size: number) => ({ login_hint: 'ä'.repeat(size / 2) }),
      (size: number) => ({ login_hint: randomBytes(size).toString('base64url').slice(0, size) }),
      (size: number) => ({ claims: JSON.stringify({ id_token: { sub: { value: 'x'.repeat(size) } } }) }),
    ]) {
      await redis.flushdb();
      let size = 1_440;
      while (errorOf(await ask('192.0.2.1', authorizationUrl(provider, client, request(size)))) !== null)
        size -= 20;
      const [visit = ''] = await visits();
      const { bytes, life } = await cost();
      expect(bytes).toBeLessThanOrEqual(2_048);
      expect(life).toBeLessThanOrEqual(600_000);
      await redis.del(visit);
    }
  });

  it('may send longer requests through a client that pushes them', async () => {
    const uri = await push(provider, client, { login_hint: 'x'.repeat(2_000) });
    expect((await ask('192.0.2.1', pushedUrl(provider, client, uri))).status).toBe(303);
    const long = { login_hint: 'x'.repeat(5_000), response_type: 'code', redirect_uri: client.redirectUri };
    expect(await post(provider, 'par', client, long)).toMatchObject({ status: 400 });
  });

  it(`is one of ${MAX_OPEN} that one source may have open, and the next is told to retry later`, async () => {
    const url = authorizationUrl(provider, client);
    const replies = await atOnce(MAX_OPEN + 1, () => ask('192.0.2.2', url));
    const refused = replies.filter(({ status }) => status !== 303);
    expect(refused.map(({ status }) => status)).toEqual([429]);
    expect(refused[0]?.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await ask('192.0.2.3', url)).status).toBe(303);
  });

  it('gets no session on the page for user codes or by signing out', async () => {
    const agent = new UserAgent(provider.url);
    await agent.open('/device');
    await agent.open('/oauth2/logout');
    expect(await provider.sql("select from oidc_records where model = 'Session'")).toHaveLength(0);
    await signIn(provider, client, person, { agent });
    expect(
      await provider.sql("select from oidc_records where model = 'Session' and consumed_at is null"),
    ).toHaveLength(1);
  });

  it('may send sealed state as frameworks do, and an ID token as a hint', async () => {
    const { id_token: hint } = await signIn(provider, client, person);
    const url = authorizationUrl(provider, client, {
      redirect_uri: client.redirectUri,
      response_mode: 'form_post',
      state: 'x'.repeat(700),
      nonce: 'x'.repeat(120),
      login_hint: person.email,
      id_token_hint: hint,
    });
    expect((await ask('192.0.2.4', url)).headers.get('location')).toMatch(/^\/interaction\//);
    const [visit = ''] = await visits();
    expect(await redis.hget(visit, 'p')).not.toContain(hint);
    await redis.del(visit);
  });

  it('may sign in with a request of the maximum length', async () => {
    const long = { state: 'x'.repeat(700), login_hint: randomBytes(150).toString('hex') };
    const code = await signIn(provider, client, person, { parameters: long });
    expect(code.access_token).toBeDefined();
  });
});
