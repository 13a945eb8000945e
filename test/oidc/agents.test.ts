import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { until } from '../support/until.ts';
import { introspect, post, type Reply, signIn, type Tokens } from './support/flow.ts';
import { type Client, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ORDERS = 'https://orders.example.test';
const LEDGER = 'https://ledger.example.test';
const OPAQUE = 'https://opaque.example.test';

const shell = shellOperator(systemActor);
type Parameters = Record<string, string>;

describe('agents with token exchange', () => {
  let provider: Provider;
  let app: Client;
  /** The client of the APIs. */
  let orders: Client;

  beforeAll(async () => {
    provider = await startProvider({ stores: 'PostgreSQL' });
    await Promise.all([
      provider.createApi({ identifier: ORDERS }),
      provider.createApi({ identifier: LEDGER, scopes: ['read', 'audit'] }),
      provider.createApi({ identifier: OPAQUE, accessTokenFormat: 'opaque' }),
    ]);
    app = await provider.createClient();
    orders = await createExchanger({ audiences: [LEDGER] }, { apis: [LEDGER, OPAQUE, ORDERS] });
  });

  const createExchanger = (policy: object, metadata: object = {}) =>
    provider.createClient({
      grant_types: ['client_credentials', GRANT],
      token_exchange: policy,
      ...metadata,
    });

  const signedIn = async (
    parameters: Parameters = {},
    by = app,
    who?: Awaited<ReturnType<Provider['createPerson']>>,
  ) =>
    signIn(provider, by, who ?? (await provider.createPerson()), {
      parameters: { scope: 'openid read', resource: ORDERS, ...parameters },
    });

  const exchange = (by: Client, subject: string, parameters: Parameters = {}): Promise<Reply<Tokens>> =>
    post<Tokens>(provider, 'token', by, {
      grant_type: GRANT,
      subject_token: subject,
      subject_token_type: ACCESS_TOKEN,
      resource: LEDGER,
      ...parameters,
    });

  const acting = async (client: Client): Promise<Parameters> => {
    const own = { grant_type: 'client_credentials', resource: LEDGER };
    const { body } = await post<Tokens>(provider, 'token', client, own);
    return { actor_token: body.access_token, actor_token_type: ACCESS_TOKEN };
  };
  const isActive = async (token: string) =>
    (await introspect(provider, orders, token)).body['active'] as boolean;

  let agents: Client[];

  beforeAll(async () => {
    agents = [];
    for (const by of [app.id, undefined, undefined]) {
      const before = by ?? agents.at(-1)!.id;
      const policy = { audiences: [LEDGER, OPAQUE, `${provider.url}/api/v2`], clients: [before, app.id] };
      agents.push(await createExchanger(policy, { agent: true }));
    }
  });

  const chainOf = async (subject: string, resource = LEDGER) => {
    const tokens = [subject];
    for (const agent of agents)
      tokens.push(
        (await exchange(agent, tokens.at(-1)!, { resource, ...(await acting(agent)) })).body.access_token,
      );
    return tokens.slice(1);
  };

  it('are shown to the person, who can disconnect one with all its tokens', async () => {
    const who = await provider.createPerson();
    const [, second] = agents as [Client, Client, Client];
    const subject = await signedIn({}, app, who);
    const held = [await chainOf(subject.access_token), await chainOf(subject.access_token, OPAQUE)];
    expect(decodeJwt(held[0]![2]!)).toMatchObject({
      sub: who.id,
      act: { sub: agents[2]!.id, act: { sub: second.id, act: { sub: agents[0]!.id } } },
    });
    const { body } = await introspect(provider, orders, held[1]![2]!);
    expect(body).not.toHaveProperty('delegations');
    expect(body).not.toHaveProperty('gid');
    const apps = await provider.operator.accountSessions.apps(who.id);
    expect(apps.filter(({ lastUsedAt }) => lastUsedAt !== null)).toMatchObject(
      agents.map(({ id }) => ({
        clientId: id,
        allowed: { resourceScopes: { [LEDGER]: ['read'], [OPAQUE]: ['read'] } },
      })),
    );
    const agent = new UserAgent(provider.url);
    await agent.submit(
      await agent.open('/sign-in?next=/account/apps'),
      { identifier: who.email, password: who.password },
      '/sign-in',
    );
    const page = await agent.open('/account/apps');
    expect(page.html.match(/class="badge">Agent/g)).toHaveLength(3);
    expect(page.html).toContain('Last used');
    await agent.submit(
      { ...page, html: page.html.slice(page.html.indexOf(`value="${second.id}"`) - 400) },
      { client: second.id },
      '/disconnect',
    );
    const active = () => Promise.all(held.flat().map(isActive));
    expect(await active()).toEqual([true, false, false, true, false, false]);
    const refused = { status: 400, body: { error: 'invalid_request' } };
    expect(await exchange(second, held[0]![0]!, await acting(second))).toMatchObject(refused);
    expect(await exchange(agents[2]!, held[1]![1]!, await acting(agents[2]!))).toMatchObject(refused);
    expect(await isActive(subject.access_token)).toBe(true);
    // A new grant is the basis for new exchanges.
    const anew = await signedIn({}, app, who);
    expect(await exchange(second, anew.access_token, await acting(second))).toMatchObject({ status: 200 });
  });

  it('can exchange a service account’s own token, which ends with that account', async () => {
    const first = await createExchanger({ audiences: [LEDGER] }, { scope: 'read' });
    const next = await createExchanger({
      audiences: [LEDGER, OPAQUE, `${provider.url}/api/v2`],
      clients: [first.id],
    });
    const own = (
      await post<Tokens>(provider, 'token', first, {
        grant_type: 'client_credentials',
        resource: LEDGER,
        scope: 'read',
      })
    ).body.access_token;
    const held: string[] = [];
    for (const resource of [LEDGER, OPAQUE]) {
      const { status, body } = await exchange(next, own, { resource, ...(await acting(next)) });
      expect(status).toBe(200);
      const told = (await introspect(provider, orders, body.access_token)).body;
      expect(told).toMatchObject({
        active: true,
        sub: first.id,
        client_id: next.id,
        act: { sub: next.id },
        scope: 'read',
      });
      held.push(body.access_token);
    }
    expect(decodeJwt(held[0]!)).toMatchObject({
      sub: first.id,
      client_id: next.id,
      act: { sub: next.id },
    });
    const [row] = await provider.sql(
      "select * from audit_events where type = 'token.exchanged' and client_id = $1",
      [next.id],
    );
    expect(row).toMatchObject({
      subject: null,
      details: { subjectClientId: first.id, act: { sub: next.id } },
    });
    // At the account API this token stands for no account.
    const { body } = await exchange(next, own, {
      resource: `${provider.url}/api/v2`,
      ...(await acting(next)),
    });
    for (const path of ['me', 'clients']) {
      const reply = await fetch(`${provider.url}/api/v2/${path}`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(reply.status).toBe(401);
    }
    await provider.operator.clients.setEnabled(shell, first.id, false);
    await until(async () => !(await isActive(held[0]!)) && !(await isActive(held[1]!)));
    await provider.operator.clients.remove(shell, first.id);
    expect(await Promise.all(held.map(isActive))).toEqual([false, false]);
    expect(await exchange(next, held[1]!, await acting(next))).toMatchObject({ status: 400 });
  });

  it('are limited in the number of successive actors', async () => {
    const loop = await createExchanger({ audiences: [LEDGER], clients: [app.id] });
    let { access_token: token } = await signedIn();
    const actor = await acting(loop);
    for (let depth = 1; depth <= 8; depth += 1)
      token = (await exchange(loop, token, actor)).body.access_token;
    expect(await exchange(loop, token, actor)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: expect.stringContaining('more than 8') },
    });
  });

  it('are audited with the person and the actor', async () => {
    const who = await provider.createPerson();
    const [first] = agents as [Client];
    const resource = `${provider.url}/api/v2`;
    const { access_token: subject } = await signedIn(
      { resource, scope: 'openid me:profile:write' },
      app,
      who,
    );
    const { body } = await exchange(first, subject, { resource, ...(await acting(first)) });
    const reply = await fetch(`${resource}/me`, {
      method: 'PATCH',
      headers: { 'authorization': `Bearer ${body.access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Ada King' }),
    });
    expect(reply.status).toBe(200);
    expect(await provider.audited('user.updated', who.id)).toMatchObject({
      actor_id: who.id,
      details: { act: { sub: first.id } },
    });
  });

  it('have a request limit that nobody else can use up', async () => {
    const limited = await createExchanger({ audiences: [LEDGER] }, { token_requests_per_minute: 3 });
    const own = (secret = limited.secret) =>
      post(provider, 'token', { ...limited, secret }, { grant_type: 'client_credentials', resource: LEDGER });
    for (let wrong = 0; wrong < 4; wrong += 1) expect((await own('wrong')).status).toBe(401);
    const replies = await Promise.all(Array.from({ length: 5 }, () => own()));
    expect(replies.map(({ status }) => status).sort((one, other) => one - other)).toEqual([
      200, 200, 200, 429, 429,
    ]);
    const { headers, body } = replies.find(({ status }) => status === 429)!;
    expect(body).toMatchObject({ error: 'temporarily_unavailable' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    await provider.operator.clients.update(shell, limited.id, {
      metadata: { token_requests_per_minute: null },
    });
    await until(async () => (await own()).status === 200);
  });
});
