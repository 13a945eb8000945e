import { beforeAll, expect, it } from '@jest/globals';
import { TOKEN_EXCHANGE } from '../../src/oidc/tokens/grant-types.ts';
import { ACCESS_TOKEN, ID_TOKEN, REFRESH_TOKEN } from '../../src/oidc/tokens/exchange/presented.ts';
import { until } from '../support/until.ts';
import { type Tokens } from './support/flow.ts';
import { type Client } from './support/provider.ts';
import {
  SHORT_LIVED,
  JWT,
  REQUESTS_PER_KIND,
  OPAQUE,
  startTwoNodes,
  type TwoNodes,
} from './support/two-nodes.ts';
import {
  type SentRequest,
  type Choices,
  choices,
  clientCredentialsRequest,
  comparable,
  FORM,
  introspectionRequest,
  randomForm,
  tokenRequest,
  userinfoRequest,
} from './support/compared-requests.ts';

let provider: TwoNodes['provider'];
let clients: TwoNodes['clients'];
let apps: TwoNodes['apps'];
let exchangers: TwoNodes['exchangers'];
let tokens: TwoNodes['tokens'];
let activeTokens: TwoNodes['activeTokens'];
let askFastPath: TwoNodes['askFastPath'];
let askLibrary: TwoNodes['askLibrary'];
let login: TwoNodes['login'];

beforeAll(async () => {
  ({ provider, clients, apps, exchangers, tokens, activeTokens, askFastPath, askLibrary, login } =
    await startTwoNodes());
});

/** Sends `REQUESTS_PER_KIND` requests made by `make` to both nodes. @returns how many took the fast path. */
async function compareAll(make: (chance: Choices) => SentRequest): Promise<{ fast: number; good: number }> {
  const counts = { fast: 0, good: 0 };
  const compare = async (index: number) => {
    const asked = make(choices(String(index)));
    const [one, other] = await Promise.all([askFastPath(asked), askLibrary(asked)]);
    expect({ asked, ...comparable(one) }).toEqual({ asked, ...comparable(other) });
    if (one.status === 200) counts.good += 1;
    if (one.isFast) counts.fast += 1;
  };
  for (let index = 0; index < REQUESTS_PER_KIND; index += 8)
    await Promise.all(Array.from({ length: 8 }, (_, step) => compare(index + step)));
  return counts;
}

it('a plain request takes the fast path once its client is known, with the same reply', async () => {
  const [service, , poster] = clients as [Client, Client, Client];
  const [app] = apps as [Client];
  const opaque = await login(app);
  const jwt = await login(app, { resource: JWT });
  const posted = tokenRequest({ ...poster, secret: '' }, { grant_type: 'client_credentials', resource: JWT });
  const all: SentRequest[] = [
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
    ...[opaque, jwt].map(({ access_token }) =>
      tokenRequest(exchangers[0]!, {
        grant_type: TOKEN_EXCHANGE,
        subject_token: access_token,
        subject_token_type: ACCESS_TOKEN,
        resource: SHORT_LIVED[0],
      }),
    ),
  ];
  for (const asked of all) {
    const [fast, other] = [await askFastPath(asked), await askLibrary(asked)];
    expect([asked, fast.isFast, other.isFast]).toEqual([asked, true, false]);
    expect(fast.status).toBe(200);
    expect(comparable(fast)).toEqual(comparable(other));
  }
});

it('fast path and library answer alike to client credentials', async () => {
  const { fast, good } = await compareAll((chance) => {
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
    return randomForm(chance, '/oauth2/token', form, one(...clients.slice(0, 3), ...clients));
  });
  expect(fast).toBeGreaterThan(REQUESTS_PER_KIND / 10);
  expect(good).toBeGreaterThan(fast);
}, 36_000_000);

it('fast path and library answer alike at introspection', async () => {
  const { fast } = await compareAll((chance) => {
    const { one, rarely } = chance;
    const [app, api] = apps as [Client, Client];
    const anybody = one(app, app, api, api, clients[0]!, ...apps);
    const [client, shown] = one<[Client, string]>(one(...activeTokens), [anybody, one(...tokens)]);
    const form = new URLSearchParams({ token: shown });
    const hint = one(undefined, 'access_token', 'refresh_token', rarely('id_token', ''));
    if (hint !== undefined) form.set('token_type_hint', hint);
    return randomForm(chance, '/oauth2/introspect', form, client);
  });
  expect(fast).toBeGreaterThan(REQUESTS_PER_KIND / 20);
}, 36_000_000);

it('fast path and library answer alike in token exchange', async () => {
  const actors = await Promise.all(
    exchangers.map(async (client) => {
      const { text } = await askLibrary(clientCredentialsRequest(client, { resource: JWT }));
      return (JSON.parse(text) as Tokens).access_token;
    }),
  );
  const { fast, good } = await compareAll((chance) => {
    const { one, rarely, pick } = chance;
    const which = pick(2);
    const form = new URLSearchParams({
      grant_type: TOKEN_EXCHANGE,
      subject_token: rarely(...tokens) ?? one(...activeTokens)[1],
      subject_token_type: rarely(ID_TOKEN, REFRESH_TOKEN, 'x') ?? ACCESS_TOKEN,
    });
    const actor = rarely(undefined, ...actors, ...tokens) ?? [undefined, actors[1]][which];
    for (const [name, value] of [
      ['resource', rarely(undefined, `${SHORT_LIVED[0]}/`, JWT, 'no') ?? one(...SHORT_LIVED)],
      ['audience', rarely(...SHORT_LIVED, 'no', '')],
      ['scope', one(undefined, undefined, 'read', rarely('write', 'openid'))],
      ['requested_token_type', one(undefined, ACCESS_TOKEN, rarely(ID_TOKEN, 'x'))],
      ['actor_token', actor],
      ['actor_token_type', rarely(undefined, ACCESS_TOKEN, 'x') ?? (actor && ACCESS_TOKEN)],
    ] as const)
      if (value !== undefined) form.set(name, value);
    return randomForm(chance, '/oauth2/token', form, rarely(...apps) ?? exchangers[which]!);
  });
  expect(fast).toBeGreaterThan(REQUESTS_PER_KIND / 40);
  expect(good).toBeGreaterThan(fast);
}, 36_000_000);

it('fast path and library answer alike at userinfo', async () => {
  const { fast } = await compareAll(({ one, rarely }) => {
    const shown = one(...tokens);
    const scheme = rarely('bearer', 'DPoP', 'Basic', 'Bearer ') ?? 'Bearer';
    const asked = userinfoRequest(shown);
    const headers: SentRequest['headers'] = {
      ...(rarely({}) ?? { authorization: `${scheme} ${shown}` }),
      ...rarely<SentRequest['headers']>(
        { origin: 'https://app.example.test' },
        { dpop: 'x' },
        { accept: 'text/html' },
        { accept: 'application/jwt' },
        FORM,
      ),
    };
    const path = rarely(`${asked.path}?access_token=x`, `${asked.path}?scope=email`, `${asked.path}/`);
    const posted = rarely<Partial<SentRequest>>(
      { method: 'POST', body: '', headers: { ...headers, ...FORM } },
      { method: 'POST', body: `access_token=${shown}`, headers: FORM },
    );
    return { ...asked, headers, path: path ?? asked.path, ...posted };
  });
  expect(fast).toBeGreaterThan(REQUESTS_PER_KIND / 20);
}, 36_000_000);

it('fast path and library answer alike when contracts check tokens', async () => {
  const path = '/api/v1/auth/validate';
  const joined = async () => {
    const { username, password } = await provider.createPerson();
    const reply = await askLibrary({
      method: 'POST',
      path: '/api/v1/auth/login',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    });
    return (JSON.parse(reply.text) as { accessToken: string }).accessToken;
  };
  const [good, ended] = [await joined(), await joined()];
  const logout = { method: 'POST', path: '/api/v1/auth/logout', body: '' } as const;
  expect((await askLibrary({ ...logout, headers: { authorization: `Bearer ${ended}` } })).status).toBe(200);
  const { fast } = await compareAll(({ one, rarely, pick }) => {
    const token = one(good, good, ended, one(...tokens));
    const body = JSON.stringify(
      rarely<unknown>({ token, more: 1 }, { token: 1 }, {}, [token], token) ?? { token },
    );
    const shaped = rarely(
      ` ${body}`,
      `${body} `,
      body.replace('{', '{"token":"x",'),
      `\uFEFF${body}`,
      body.slice(1),
      '',
    );
    const type = rarely(
      'text/plain',
      'application/json; charset=UTF-8',
      'application/json;charset=latin1',
      '',
    );
    return {
      method: 'POST',
      path: one(path, path, path, `/contracts/gateway${path}`, rarely(`${path}/`, `${path}?a=b`) ?? path),
      headers: {
        'content-type': type ?? 'application/json',
        ...rarely<SentRequest['headers']>(
          { origin: 'https://app.example.test' },
          { authorization: 'Bearer x' },
          { accept: 'text/html' },
          { 'user-agent': '' },
          { 'x-api-key': 'x' },
          { expect: '100-continue' },
        ),
      },
      body: shaped ?? body,
      cut: pick(10) === 0 ? 1 : 0,
    };
  });
  expect(fast).toBeGreaterThan(REQUESTS_PER_KIND / 4);
}, 36_000_000);

it('a token issued by the fast path is introspected, marked as used and counted like any other', async () => {
  const [service] = clients as [Client];
  const metrics = async () => {
    const text = await (await fetch(`${provider.url}/metrics`)).text();
    const line = /^postern_grants_total\{[^}]*client_credentials[^}]*success[^}]*\} (\d+)/m.exec(text);
    return Number(line?.[1] ?? 0);
  };
  const before = await metrics();
  const reply = await askFastPath(clientCredentialsRequest(service, { resource: OPAQUE }));
  expect([reply.isFast, (await metrics()) - before]).toEqual([true, 1]);
  const { access_token } = JSON.parse(reply.text) as Tokens;
  const shown = await askLibrary(introspectionRequest(service, access_token));
  expect(JSON.parse(shown.text)).toMatchObject({ active: true, client_id: service.id, aud: OPAQUE });
});

it('what has ended is inactive on the fast path too', async () => {
  const [app] = apps as [Client];
  for (const resource of [undefined, JWT]) {
    const given = await login(app, resource === undefined ? {} : { resource });
    const [shown, mine] = [
      introspectionRequest(app, given.access_token),
      userinfoRequest(given.access_token),
    ];
    expect([(await askFastPath(shown)).isFast, (await askFastPath(mine)).isFast]).toEqual([true, true]);
    await askLibrary(introspectionRequest(app, given.access_token, '/oauth2/revoke'));
    expect(await askFastPath(shown)).toMatchObject({ isFast: false, text: '{"active":false}' });
    expect(await askFastPath(mine)).toMatchObject({ isFast: false, status: 401 });
  }
});

it('disabling a client ends its fast path at once', async () => {
  const client = await provider.createClient({ grant_types: ['client_credentials'], scope: 'read' });
  const asked = clientCredentialsRequest(client, { resource: JWT });
  await until(async () => (await askFastPath(asked)).isFast);
  await provider.sql('update clients set enabled = false where id = $1', [client.id]);
  await provider.sql("select pg_notify('postern', $1)", [`clients:${client.id}`]);
  await until(async () => (await askFastPath(asked)).status === 401);
});
