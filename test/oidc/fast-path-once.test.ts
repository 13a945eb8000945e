import { beforeAll, expect, it } from '@jest/globals';
import { sha256 } from '../../src/core/ids.ts';
import { until } from '../support/until.ts';
import { authorize, type Tokens, VERIFIER } from './support/flow.ts';
import { type Client } from './support/provider.ts';
import { JWT, REQUESTS_PER_KIND, OPAQUE, startTwoNodes, type TwoNodes } from './support/two-nodes.ts';
import {
  type SentRequest,
  type Choices,
  choices,
  comparable,
  randomForm,
  refreshRequest,
  tokenRequest,
  userinfoRequest,
} from './support/compared-requests.ts';

let provider: TwoNodes['provider'];
let library: TwoNodes['library'];
let clients: TwoNodes['clients'];
let apps: TwoNodes['apps'];
let person: TwoNodes['person'];
let agent: TwoNodes['agent'];
let askFastPath: TwoNodes['askFastPath'];
let askLibrary: TwoNodes['askLibrary'];
let login: TwoNodes['login'];

beforeAll(async () => {
  ({ provider, library, clients, apps, person, agent, askFastPath, askLibrary, login } =
    await startTwoNodes());
});

/** A refresh token of each node, from two equal logins. */
interface Twins {
  app: Client;
  resource: string | undefined;
  /** The latest token and the one it was refreshed from, by node. */
  last: [string, string];
  before: [string, string];
}

async function twins({ one }: Choices): Promise<Twins> {
  const [plain, api, pairwise, mapped, , strict] = apps as [Client, Client, Client, Client, Client, Client];
  const app = one(plain, plain, api, pairwise, mapped, strict);
  const resource = one(undefined, undefined, JWT, OPAQUE);
  const scope = one('openid profile email offline_access', 'openid offline_access', 'profile offline_access');
  const parameters = {
    // Without a resource, no API has the scope.
    scope: resource === undefined ? scope : `${scope} read`,
    ...(resource === undefined ? {} : { resource }),
  };
  const both: [string, string] = [
    (await login(app, parameters)).refresh_token,
    (await login(app, parameters)).refresh_token,
  ];
  return { app, resource, last: both, before: both };
}

it('fast path and library answer alike and leave the same state when tokens are refreshed', async () => {
  let fast = 0;
  for (let index = 0; index < REQUESTS_PER_KIND;) {
    const chain = await twins(choices(`chain ${index}`));
    for (let step = 0; step < 12 && index < REQUESTS_PER_KIND; step += 1, index += 1) {
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
        return randomForm(choices(`form ${index}`), '/oauth2/token', form, client);
      }) as [SentRequest, SentRequest];
      const [reply, other] = [await askFastPath(mine), await askLibrary(theirs)];
      expect({ asked: mine, ...comparable(reply) }).toEqual({ asked: mine, ...comparable(other) });
      if (reply.isFast) fast += 1;
      if (reply.status !== 200) continue;
      const last = [reply, other].map(({ text }) => (JSON.parse(text) as Tokens).refresh_token) as [
        string,
        string,
      ];
      if (which === 'last') Object.assign(chain, { before: chain.last });
      Object.assign(chain, { last });
    }
  }
  expect(fast).toBeGreaterThan(REQUESTS_PER_KIND / 4);
}, 36_000_000);

it('fast path and library answer alike when codes are exchanged', async () => {
  const [plain, api, pairwise, mapped] = apps as [Client, Client, Client, Client];
  let fast = 0;
  for (let index = 0; index < REQUESTS_PER_KIND / 4; index += 1) {
    const { one, rarely } = choices(`code ${index}`);
    const app = one(plain, plain, api, pairwise, mapped);
    const resource = one(undefined, undefined, JWT, OPAQUE);
    const scope = one('openid profile email offline_access read', 'openid', 'profile read');
    const parameters = { scope, prompt: 'consent', ...(resource === undefined ? {} : { resource }) };
    const given: string[] = [];
    for (const _ of [fast, library])
      given.push((await authorize(provider, agent, app, person, parameters)).get('code') ?? '');
    const params = {
      grant_type: 'authorization_code',
      redirect_uri: rarely(`${app.redirectUri}/x`) ?? app.redirectUri,
      ...(rarely({}, { code_verifier: VERIFIER.replace(/.$/, '~') }) ?? { code_verifier: VERIFIER }),
      ...one<Record<string, string>>({}, {}, rarely({ resource: JWT }, { resource: 'no' }) ?? {}),
    };
    const client = rarely(...clients, ...apps) ?? app;
    const [mine, theirs] = given.map((code) =>
      randomForm(
        choices(`form of code ${index}`),
        '/oauth2/token',
        new URLSearchParams({ ...params, code }),
        client,
      ),
    ) as [SentRequest, SentRequest];
    for (let times = one(1, 1, 2); times > 0; times -= 1) {
      const [reply, other] = [await askFastPath(mine), await askLibrary(theirs)];
      expect({ asked: mine, ...comparable(reply) }).toEqual({ asked: mine, ...comparable(other) });
      if (reply.isFast) fast += 1;
    }
  }
  expect(fast).toBeGreaterThan(REQUESTS_PER_KIND / 40);
}, 36_000_000);

it('a code sent twice in parallel gets one answer, and a later use ends its tokens', async () => {
  const app = apps[0]!;
  const asked = async () => {
    const code = (await authorize(provider, agent, app, person, { scope: 'openid' })).get('code') ?? '';
    const params = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri };
    return tokenRequest(app, { ...params, code_verifier: VERIFIER });
  };
  const parallel = await asked();
  const replies = await Promise.all(
    [askFastPath, askLibrary, askFastPath, askLibrary].map((put) => put(parallel)),
  );
  const good = replies.filter(({ status }) => status === 200);
  expect([good.length, replies.filter(({ status }) => status === 400).length]).toEqual([1, 3]);
  const { access_token } = JSON.parse(good[0]!.text) as Tokens;
  expect(await askFastPath(userinfoRequest(access_token))).toMatchObject({ status: 200 });
  // With another verifier it is not a repetition: somebody else has the code.
  const stolen = { ...parallel, body: parallel.body.replace(VERIFIER, VERIFIER.replace(/.$/, '~')) };
  expect(await askFastPath(stolen)).toMatchObject({ status: 400, isFast: false });
  expect(await askFastPath(userinfoRequest(access_token))).toMatchObject({ status: 401 });
});

/** Whatever depends on one login or one moment. */
const PASSING = /^(?:jti|iat|exp|iiat|grantId|sid|sessionUid|authTime|kind)$/;

it('a refresh by fast path or library leaves the same rows, events, counts and log lines', async () => {
  const app = apps[0]!;
  const counted = async (url: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const line = /^postern_grants_total\{[^}]*refresh_token[^}]*success[^}]*\} (\d+)/m.exec(text);
    return Number(line?.[1] ?? 0);
  };
  const seen: unknown[] = [];
  for (const [url, put, output] of [
    [provider.url, askFastPath, provider.postern.output],
    [library.url, askLibrary, library.output],
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
      reply: comparable(reply),
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

it('a refused refresh is left to the library, once: a reused token ends its family', async () => {
  const strict = apps[5]!;
  const first = await login(strict);
  const good = await askFastPath(refreshRequest(strict, first.refresh_token));
  expect(good).toMatchObject({ status: 200, isFast: true });
  const since = (await provider.sql('select now() as now'))[0]!['now'];
  const again = await askFastPath(refreshRequest(strict, first.refresh_token));
  expect(again).toMatchObject({ status: 400, isFast: false });
  const { refresh_token: successor } = JSON.parse(good.text) as Tokens;
  expect(await askFastPath(refreshRequest(strict, successor))).toMatchObject({ status: 400 });
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
    Array.from({ length: 8 }, (_, index) =>
      (index % 2 ? askFastPath : askLibrary)(refreshRequest(apps[0]!, one)),
    ),
  );
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
  const successors = replies.map(({ text }) => (JSON.parse(text) as Tokens).refresh_token);
  expect(new Set(successors).size).toBe(1);
});
