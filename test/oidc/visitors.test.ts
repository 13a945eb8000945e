import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { atOnce, authorizationUrl, post, push, pushedUrl, signIn } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { DEVICE } from './support/device.ts';
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
      let size = 1_400;
      while (errorOf(await ask('192.0.2.1', authorizationUrl(provider, client, request(size)))) !== null)
        size -= 20;
      const [visit = ''] = await visits();
      const { bytes, life } = await cost();
      expect(bytes).toBeLessThanOrEqual(2_048);
      expect(life).toBeLessThanOrEqual(600_000);
      await redis.del(visit);
    }
  });

  /**
   * Bytes that everything takes in Redis, with its overhead, and in PostgreSQL, with the rows' own headers. Without what is not per
   * visit: the counter of each source, and the latest refusals of each client.
   */
  async function stored(): Promise<number> {
    const keys = (await redis.keys('*')).filter((key) => !key.startsWith('postern:counter:open:'));
    const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)));
    const tables = await provider.sql(
      "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'refusals'",
    );
    let bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    for (const { relname } of tables) {
      const [row] = await provider.sql(
        `select coalesce(sum(pg_column_size(t.*)), 0)::int as bytes from "${String(relname)}" t`,
      );
      bytes += Number(row?.['bytes']);
    }
    return bytes;
  }
  const longest = (size: number) => ({ login_hint: randomBytes(size).toString('base64url').slice(0, size) });
  /** Sends the longest of the requests that `send` accepts. */
  async function sendLongest<T>(send: (more: Record<string, string>) => Promise<T | null>): Promise<T> {
    for (let size = 1_400; size > 0; size -= 20) {
      const sent = await send(longest(size));
      if (sent !== null) return sent;
    }
    throw new Error('nothing was accepted');
  }

  /** What strangers start through a public client. @returns for how many seconds it may stay. */
  const STARTS: Record<string, (app: Client) => Promise<number>> = {
    async 'a pushed request'(app) {
      await sendLongest(async (more) => {
        const { searchParams } = new URL(authorizationUrl(provider, app, more));
        const sent = await post(provider, 'par', app, Object.fromEntries(searchParams));
        return sent.status === 201 ? sent : null;
      });
      return 600;
    },
    async 'codes for a device'(app) {
      await sendLongest(async (more) => {
        const sent = await post(provider, 'device_authorization', app, { scope: 'openid', ...more });
        return sent.status === 200 ? sent : null;
      });
      return 600;
    },
    async 'forms that nobody sends'() {
      for (const path of ['/register', '/forgot-password', '/sign-in'])
        expect((await ask('192.0.2.9', `${provider.url}${path}`)).status).toBe(200);
      return 0;
    },
  };
  it.each(Object.entries(STARTS))('leaves at most 2 KB by %s', async (_name, start) => {
    const grants = ['authorization_code', ...DEVICE.grant_types];
    const app = await provider.createClient({ grant_types: grants }, { isPublic: true });
    await redis.flushdb();
    const before = await stored();
    const life = await start(app);
    const bytes = (await stored()) - before;
    expect(bytes).toBeLessThanOrEqual(2_048);
    const lives = await Promise.all((await redis.keys('*')).map((key) => redis.pttl(key)));
    expect(Math.max(0, ...lives)).toBeLessThanOrEqual(life * 1_000);
  });

  it('may send longer requests through a client that pushes them', async () => {
    const uri = await push(provider, client, { login_hint: 'x'.repeat(2_000) });
    expect((await ask('192.0.2.1', pushedUrl(provider, client, uri))).status).toBe(303);
    const long = { login_hint: 'x'.repeat(5_000), response_type: 'code', redirect_uri: client.redirectUri };
    expect(await post(provider, 'par', client, long)).toMatchObject({ status: 400 });
  });

  it(`is one of ${MAX_OPEN} that one source may have open, and the next is told to retry later`, async () => {
    const url = authorizationUrl(provider, client);
    // A busy machine would answer some of 501 parallel requests with 503.
    const parallel = Math.ceil((MAX_OPEN + 1) / 10);
    const replies: Response[] = [];
    while (replies.length <= MAX_OPEN)
      replies.push(
        ...(await atOnce(Math.min(parallel, MAX_OPEN + 1 - replies.length), () => ask('192.0.2.2', url))),
      );
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
