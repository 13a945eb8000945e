import { beforeAll, expect, it } from '@jest/globals';
import { sha256 } from '../../src/core/ids.ts';
import { until } from '../support/until.ts';
import { signIn, type Tokens } from './support/flow.ts';
import { secondNode } from './support/proofs.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';
import {
  ask,
  type Asked,
  type Choices,
  choices,
  clientCredentialsRequest,
  essence,
  FORM,
  introspectionRequest,
  madeUpForm,
  refreshRequest,
  tokenRequest,
  userinfoRequest,
} from './support/ways.ts';

/** How many requests of each kind are made up; a run of its own takes more. */
const MADE_UP = Number(process.env['FAST_PATH_REQUESTS'] ?? 80);

const JWT = 'https://jwt.example.test';
const OPAQUE = 'https://opaque.example.test';

let provider: Provider;
let long: { url: string; output(): string };
let clients: Client[];
/** Of people's tokens: plain, the APIs' own, with pairwise subjects, with claims mapped, with signed userinfo, without grace. */
let apps: Client[];
let person: Person;
let agent: UserAgent;
/** Of every kind, and what is none. */
let tokens: string[];
/** Some that are active, each with who may learn so. */
let held: [Client, string][];

const askShort = (asked: Asked) => ask(provider.url, provider.url, asked);
const askLong = (asked: Asked) => ask(provider.url, long.url, asked);
/** Signs the person in at one of the apps. */
const login = (app: Client, parameters: Record<string, string> = {}): Promise<Tokens> =>
  signIn(provider, app, person, {
    agent,
    parameters: { scope: 'openid profile email offline_access', prompt: 'consent', ...parameters },
  });

/** Both nodes have met the client: what is known to one takes no store. */
const meet = (client: Client) =>
  Promise.all([introspectionRequest(client, 'x')].flatMap((asked) => [askShort(asked), askLong(asked)]));

beforeAll(async () => {
  // Neither may know whom the other one has locked out.
  provider = await startProvider({ settings: { log: { level: 'debug' } } });
  long = await secondNode(provider, { http: { fastPath: false }, log: { level: 'debug' } });
  await provider.createApi({ identifier: JWT, accessTokenFormat: 'jwt' });
  await provider.createApi({ identifier: OPAQUE, accessTokenFormat: 'opaque' });
  const own = { grant_types: ['client_credentials'] };
  clients = [
    await provider.createClient({ ...own, scope: 'read' }),
    await provider.createClient({ ...own, scope: 'read write', default_resource: JWT }),
    await provider.createClient({
      ...own,
      token_endpoint_auth_method: 'client_secret_post',
      access_token_ttl: 90,
    }),
    await provider.createClient({ ...own, dpop_bound_access_tokens: true }),
    await provider.createClient(),
  ];
  apps = [
    await provider.createClient(),
    await provider.createClient({ apis: [JWT, OPAQUE] }),
    await provider.createClient({ subject_type: 'pairwise' }),
    await provider.createClient({ claim_mappings: { roles: { name: 'app_roles', always: true } } }),
    await provider.createClient({ userinfo_signed_response_alg: 'ES256' }),
    await provider.createClient({ refresh_token_grace: 0 }),
  ];
  person = await provider.createPerson();
  agent = new UserAgent(provider.url);
  const [plain, api, pairwise, mapped, signed] = apps as [Client, Client, Client, Client, Client];
  const given: Tokens[] = [];
  for (const one of [plain, api, pairwise, mapped, signed]) given.push(await login(one));
  for (const resource of [JWT, OPAQUE])
    given.push(await login(plain, { scope: 'openid profile offline_access read', resource }));
  given.push(await login(plain, { scope: 'profile offline_access' }));
  const services = await Promise.all(
    [JWT, OPAQUE].map(async (resource) => {
      const { text } = await askLong(clientCredentialsRequest(clients[0]!, { resource }));
      return (JSON.parse(text) as Tokens).access_token;
    }),
  );
  held = [plain, api, pairwise, mapped, signed].flatMap((client, index): [Client, string][] => [
    [client, given[index]!.access_token],
    [client, given[index]!.refresh_token],
    [api, given[5]!.access_token],
    [api, given[6]!.access_token],
  ]);
  const ended = await login(plain);
  await askLong(introspectionRequest(plain, ended.refresh_token, '/oauth2/revoke'));
  const all = [...given, ended].flatMap((one) => [one.access_token, one.refresh_token, one.id_token]);
  const jwt = services[0]!;
  tokens = [...all, ...services, jwt.replace(/.$/, 'A'), jwt.replace('.', '..'), 'a.b.c', 'none', '', 'a b']
    // A login without `openid` has no ID token.
    .filter((one) => one !== undefined);
  await Promise.all([...clients, ...apps].map(meet));
}, 120_000);

/** Puts what `make` makes up to both nodes, `MADE_UP` times. @returns how many took the fast path. */
async function compareAll(make: (chance: Choices) => Asked): Promise<{ short: number; good: number }> {
  const counts = { short: 0, good: 0 };
  const compare = async (index: number) => {
    const asked = make(choices(String(index)));
    const [one, other] = await Promise.all([askShort(asked), askLong(asked)]);
    expect({ asked, ...essence(one) }).toEqual({ asked, ...essence(other) });
    if (one.status === 200) counts.good += 1;
    if (one.isShort) counts.short += 1;
  };
  for (let index = 0; index < MADE_UP; index += 8)
    await Promise.all(Array.from({ length: 8 }, (_, step) => compare(index + step)));
  return counts;
}

it('a plain request goes the short way once its client is known, and is answered as ever', async () => {
  const [service, , poster] = clients as [Client, Client, Client];
  const [app] = apps as [Client];
  const opaque = await login(app);
  const jwt = await login(app, { resource: JWT });
  const posted = tokenRequest({ ...poster, secret: '' }, { grant_type: 'client_credentials', resource: JWT });
  const all: Asked[] = [
    ...[JWT, OPAQUE].map((resource) => clientCredentialsRequest(service, { resource })),
    {
      ...posted,
      headers: FORM,
      body: `${posted.body}&client_id=${poster.id}&client_secret=${poster.secret}`,
    },
    ...[opaque, jwt].flatMap(({ access_token }) => [
      introspectionRequest(app, access_token),
      userinfoRequest(access_token),
    ]),
    introspectionRequest(app, opaque.refresh_token),
  ];
  for (const asked of all) {
    const [short, other] = [await askShort(asked), await askLong(asked)];
    expect([asked, short.isShort, other.isShort]).toEqual([asked, true, false]);
    expect(short.status).toBe(200);
    expect(essence(short)).toEqual(essence(other));
  }
});

it('whatever client credentials are asked for, both ways answer alike', async () => {
  const { short, good } = await compareAll((chance) => {
    const { one, rarely } = chance;
    const form = new URLSearchParams({
      grant_type: rarely('password', 'refresh_token', '') ?? 'client_credentials',
    });
    const resource = one(undefined, JWT, OPAQUE, rarely(`${JWT}/`, `${JWT}/other`, `${JWT}#x`, 'no', ''));
    if (resource !== undefined) form.set('resource', resource);
    const scope = one(
      undefined,
      'read',
      rarely('write', 'read write', 'read  write', 'openid', 'users:read', '"', ''),
    );
    if (scope !== undefined) form.set('scope', scope);
    return madeUpForm(chance, '/oauth2/token', form, one(...clients.slice(0, 3), ...clients));
  });
  expect(short).toBeGreaterThan(MADE_UP / 10);
  expect(good).toBeGreaterThan(short);
}, 36_000_000);

it('whatever is introspected by whom, both ways answer alike', async () => {
  const { short } = await compareAll((chance) => {
    const { one, rarely } = chance;
    const [app, api] = apps as [Client, Client];
    const anybody = one(app, app, api, api, clients[0]!, ...apps);
    const [client, shown] = one<[Client, string]>(one(...held), [anybody, one(...tokens)]);
    const form = new URLSearchParams({ token: shown });
    const hint = one(undefined, 'access_token', 'refresh_token', rarely('id_token', ''));
    if (hint !== undefined) form.set('token_type_hint', hint);
    return madeUpForm(chance, '/oauth2/introspect', form, client);
  });
  expect(short).toBeGreaterThan(MADE_UP / 20);
}, 36_000_000);

it('whatever userinfo is shown, both ways answer alike', async () => {
  const { short } = await compareAll(({ one, rarely }) => {
    const shown = one(...tokens);
    const scheme = rarely('bearer', 'DPoP', 'Basic', 'Bearer ') ?? 'Bearer';
    const asked = userinfoRequest(shown);
    const headers: Asked['headers'] = {
      ...(rarely({}) ?? { authorization: `${scheme} ${shown}` }),
      ...rarely<Asked['headers']>(
        { origin: 'https://app.example.test' },
        { dpop: 'x' },
        { accept: 'text/html' },
        { accept: 'application/jwt' },
        FORM,
      ),
    };
    const path = rarely(`${asked.path}?access_token=x`, `${asked.path}?scope=email`, `${asked.path}/`);
    const posted = rarely<Partial<Asked>>(
      { method: 'POST', body: '', headers: { ...headers, ...FORM } },
      { method: 'POST', body: `access_token=${shown}`, headers: FORM },
    );
    return { ...asked, headers, path: path ?? asked.path, ...posted };
  });
  expect(short).toBeGreaterThan(MADE_UP / 20);
}, 36_000_000);

/** A refresh token of each node, from logins that are alike. */
interface Twins {
  app: Client;
  resource: string | undefined;
  /** What came last, and what it was made of, by node. */
  last: [string, string];
  before: [string, string];
}

async function twins({ one }: Choices): Promise<Twins> {
  const [plain, api, pairwise, mapped, , strict] = apps as [Client, Client, Client, Client, Client, Client];
  const app = one(plain, plain, api, pairwise, mapped, strict);
  const resource = one(undefined, undefined, JWT, OPAQUE);
  const parameters = {
    scope: one(
      'openid profile email offline_access read',
      'openid offline_access',
      'profile offline_access read',
    ),
    ...(resource === undefined ? {} : { resource }),
  };
  const both: [string, string] = [
    (await login(app, parameters)).refresh_token,
    (await login(app, parameters)).refresh_token,
  ];
  return { app, resource, last: both, before: both };
}

it('however tokens are refreshed, both ways answer alike and leave the same', async () => {
  let short = 0;
  for (let index = 0; index < MADE_UP;) {
    const chain = await twins(choices(`chain ${index}`));
    for (let step = 0; step < 12 && index < MADE_UP; step += 1, index += 1) {
      const chance = choices(`refresh ${index}`);
      const { one, rarely } = chance;
      const which = rarely<'last' | 'before' | undefined>('before', undefined) ?? 'last';
      const client = rarely(...clients, ...apps) ?? chain.app;
      const params = {
        grant_type: 'refresh_token',
        ...one<Record<string, string>>({}, {}, {}, rarely({ scope: 'openid' }, { scope: 'write' }) ?? {}),
        ...rarely<Record<string, string>>({ resource: JWT }, { resource: OPAQUE }, { resource: 'no' }),
      };
      const [mine, theirs] = ([0, 1] as const).map((node) => {
        const form = new URLSearchParams({ ...params, refresh_token: chain[which][node] });
        return madeUpForm(choices(`form ${index}`), '/oauth2/token', form, client);
      }) as [Asked, Asked];
      const [reply, other] = [await askShort(mine), await askLong(theirs)];
      expect({ asked: mine, ...essence(reply) }).toEqual({ asked: mine, ...essence(other) });
      if (reply.isShort) short += 1;
      if (reply.status !== 200) continue;
      const last = [reply, other].map(({ text }) => (JSON.parse(text) as Tokens).refresh_token) as [
        string,
        string,
      ];
      if (which === 'last') Object.assign(chain, { before: chain.last });
      Object.assign(chain, { last });
    }
  }
  expect(short).toBeGreaterThan(MADE_UP / 4);
}, 36_000_000);

/** Whatever is of one login or one moment. */
const PASSING = /^(?:jti|iat|exp|iiat|grantId|sid|sessionUid|authTime|kind)$/;

it('a refresh leaves the same rows, events, counts and lines of the log', async () => {
  const app = apps[0]!;
  const counted = async (url: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const line = /^postern_grants_total\{[^}]*refresh_token[^}]*success[^}]*\} (\d+)/m.exec(text);
    return Number(line?.[1] ?? 0);
  };
  const seen: unknown[] = [];
  for (const [url, put, output] of [
    [provider.url, askShort, provider.postern.output],
    [long.url, askLong, long.output],
  ] as const) {
    const first = await login(app);
    const since = (await provider.sql('select now() as now'))[0]!['now'];
    const [before, written] = [await counted(url), output().length];
    const reply = await put(refreshRequest(app, first.refresh_token));
    expect(reply.status).toBe(200);
    const { refresh_token: successor } = JSON.parse(reply.text) as Tokens;
    const ids = [successor, first.refresh_token].map(sha256);
    const find = () =>
      provider.sql(
        `select payload, consumed_at is not null as consumed, claimed_at is not null as claimed
         from oidc_records where model = 'RefreshToken' and id = any($1) order by array_position($1, id)`,
        [ids],
      );
    await until(async () => (await find())[1]?.['consumed'] === true);
    const rows = await find();
    const requestId = reply.headers['x-request-id'] ?? '';
    await until(() => output().slice(written).includes(requestId));
    const events = await provider.sql(
      'select type, outcome, client_id, details from audit_events where at >= $1',
      [since],
    );
    const lines = output()
      .slice(written)
      .split('\n')
      .filter((line) => line.includes(requestId))
      .map((line) =>
        Object.entries(JSON.parse(line) as object).map(
          ([name, value]) => [name, /time|duration|requestId|pid/.test(name) ? typeof value : value] as const,
        ),
      );
    seen.push({
      reply: essence(reply),
      grants: (await counted(url)) - before,
      rows: rows.map(({ payload, ...row }) => ({
        ...row,
        payload: Object.entries(payload as object)
          .sort(([one], [other]) => one.localeCompare(other))
          .map(([name, value]) => [name, PASSING.test(name) ? typeof value : (value as unknown)]),
      })),
      events,
      lines,
    });
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toMatchObject({ grants: 1, rows: [{ consumed: false }, { consumed: true }] });
});

it('what a refresh fails by is told by the library, once: a token that comes again ends its family', async () => {
  const strict = apps[5]!;
  const first = await login(strict);
  const good = await askShort(refreshRequest(strict, first.refresh_token));
  expect(good).toMatchObject({ status: 200, isShort: true });
  const since = (await provider.sql('select now() as now'))[0]!['now'];
  const again = await askShort(refreshRequest(strict, first.refresh_token));
  expect(again).toMatchObject({ status: 400, isShort: false });
  const { refresh_token: successor } = JSON.parse(good.text) as Tokens;
  expect(await askShort(refreshRequest(strict, successor))).toMatchObject({ status: 400 });
  const reused = () =>
    provider.sql(
      "select 1 from audit_events where type = 'refresh_token.reused' and client_id = $1 and at >= $2",
      [strict.id, since],
    );
  await until(async () => (await reused()).length > 0);
  expect(await reused()).toHaveLength(1);
});

it('parallel refreshes with one token agree on its successor', async () => {
  const { refresh_token: one } = await login(apps[0]!);
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, index) => (index % 2 ? askShort : askLong)(refreshRequest(apps[0]!, one))),
  );
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
  const successors = replies.map(({ text }) => (JSON.parse(text) as Tokens).refresh_token);
  expect(new Set(successors).size).toBe(1);
});

it('a token of the short way is one like any other: it introspects, its use is noted, and it is counted', async () => {
  const [service] = clients as [Client];
  const metrics = async () => {
    const text = await (await fetch(`${provider.url}/metrics`)).text();
    const line = /^postern_grants_total\{[^}]*client_credentials[^}]*success[^}]*\} (\d+)/m.exec(text);
    return Number(line?.[1] ?? 0);
  };
  const before = await metrics();
  const reply = await askShort(clientCredentialsRequest(service, { resource: OPAQUE }));
  expect([reply.isShort, (await metrics()) - before]).toEqual([true, 1]);
  const { access_token } = JSON.parse(reply.text) as Tokens;
  const shown = await askLong(introspectionRequest(service, access_token));
  expect(JSON.parse(shown.text)).toMatchObject({ active: true, client_id: service.id, aud: OPAQUE });
});

it('what has ended is active no more the short way', async () => {
  const [app] = apps as [Client];
  for (const resource of [undefined, JWT]) {
    const given = await login(app, resource === undefined ? {} : { resource });
    const [shown, mine] = [
      introspectionRequest(app, given.access_token),
      userinfoRequest(given.access_token),
    ];
    expect([(await askShort(shown)).isShort, (await askShort(mine)).isShort]).toEqual([true, true]);
    await askLong(introspectionRequest(app, given.access_token, '/oauth2/revoke'));
    expect(await askShort(shown)).toMatchObject({ isShort: false, text: '{"active":false}' });
    expect(await askShort(mine)).toMatchObject({ isShort: false, status: 401 });
  }
});

it('a client that is disabled ends the short way at once', async () => {
  const client = await provider.createClient({ grant_types: ['client_credentials'], scope: 'read' });
  const asked = clientCredentialsRequest(client, { resource: JWT });
  await until(async () => (await askShort(asked)).isShort);
  await provider.sql('update clients set enabled = false where id = $1', [client.id]);
  await provider.sql("select pg_notify('postern', $1)", [`clients:${client.id}`]);
  await until(async () => (await askShort(asked)).status === 401);
});
