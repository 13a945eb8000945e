import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { runCli } from '../support/postern.ts';
import {
  authorizationUrl,
  introspect,
  post,
  refresh,
  signIn,
  type Tokens,
  userinfo,
} from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const API = 'https://api.example.test';

describe.each(STORES)('ending at once on %s:', (stores) => {
  let provider: Provider;
  let client: Client;
  let watcher: Client;
  beforeAll(async () => {
    provider = await startProvider({ stores });
    await provider.createApi({ identifier: API });
    [client, watcher] = await Promise.all([
      provider.createClient(),
      provider.createClient({ grant_types: ['client_credentials'], apis: [API] }),
    ]);
  });

  interface Signed {
    person: Person;
    agent: UserAgent;
    opaque: Tokens;
    jwt: Tokens;
    offline: Tokens;
  }

  /** A person with every kind of session and token, all of them working. */
  async function signed(by = client): Promise<Signed> {
    const person = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const get = (parameters: Record<string, string>) => signIn(provider, by, person, { agent, parameters });
    const held = {
      person,
      agent,
      opaque: await get({}),
      jwt: await get({ scope: 'openid read', resource: API }),
      offline: await get({ scope: 'openid offline_access', prompt: 'consent' }),
    };
    expect(await alive(held, by)).toEqual({
      session: true,
      opaque: true,
      jwt: true,
      refresh: true,
      offline: true,
    });
    return held;
  }

  /** What still works. Refresh tokens are introspected, not used. */
  async function alive({ agent, opaque, jwt, offline }: Signed, by = client) {
    const silent = await agent.open(authorizationUrl(provider, by, { prompt: 'none' }));
    const isActive = async (token: string, as = by) => (await introspect(provider, as, token)).body['active'];
    return {
      session: silent.leftFor?.searchParams.has('code') ?? false,
      opaque: (await userinfo(provider, opaque.access_token)).status === 200,
      jwt: await isActive(jwt.access_token, watcher),
      refresh: await isActive(opaque.refresh_token),
      offline: await isActive(offline.refresh_token),
    };
  }

  const NOTHING = { session: false, opaque: false, jwt: false, refresh: false, offline: false };

  async function expectNothingLeft(held: Signed): Promise<void> {
    expect(await alive(held)).toEqual(NOTHING);
    for (const tokens of [held.opaque, held.jwt, held.offline]) {
      expect(await refresh(provider, client, tokens.refresh_token)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
    }
    const page = await held.agent.open(authorizationUrl(provider, client));
    expect(page.html).toContain('name="password"');
  }

  it.each(['suspend', 'delete'])('`postern user %s` ends everything of the account', async (command) => {
    const held = await signed();
    const sure = command === 'delete' ? ['--yes'] : [];
    const { code, stderr } = await runCli(['user', command, held.person.email, '--json', ...sure], {
      env: provider.postern.env,
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await expectNothingLeft(held);
  });

  it('a change of the password ends everything of the account, and nothing of others', async () => {
    const [held, other] = [await signed(), await signed()];
    await provider.operator.accounts.setPassword(held.person.id, 'four other unrelated words', systemActor);
    await expectNothingLeft(held);
    expect(await alive(other)).toMatchObject({ session: true, opaque: true, jwt: true, refresh: true });
  });

  it('deleting a client ends every token of it, its own and those of people', async () => {
    const doomed = await provider.createClient();
    const service = await provider.createClient({ grant_types: ['client_credentials'] });
    const held = await signed(doomed);
    const own = await post<Tokens>(provider, 'token', service, {
      grant_type: 'client_credentials',
      resource: API,
    });
    expect(await introspect(provider, watcher, own.body.access_token)).toMatchObject({
      body: { active: true },
    });

    for (const { id } of [doomed, service]) {
      const { code } = await runCli(['client', 'delete', id, '--json'], { env: provider.postern.env });
      expect(code).toBe(0);
    }
    const introspections = [own.body, held.jwt].map(async (tokens) =>
      introspect(provider, watcher, tokens.access_token),
    );
    for (const reply of await Promise.all(introspections)) expect(reply.body).toEqual({ active: false });
    expect(await userinfo(provider, held.opaque.access_token)).toMatchObject({ status: 401 });
    expect(await refresh(provider, doomed, held.opaque.refresh_token)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect(await post(provider, 'token', service, { grant_type: 'client_credentials' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    // The session does not belong to the client: the person is still signed in.
    const silent = await held.agent.open(authorizationUrl(provider, client, { prompt: 'none' }));
    expect(silent.leftFor?.searchParams.get('error')).toBe('consent_required');
  });

  it('`/sign-out` ends what apps have from the session, except for offline access', async () => {
    const [person, away] = [await provider.createPerson(), await provider.createClient()];
    const agent = new UserAgent(provider.url);
    const get = (by: Client, parameters: Record<string, string>) =>
      signIn(provider, by, person, { agent, parameters });
    const opaque = await get(client, {});
    const jwt = await get(client, { scope: 'openid read', resource: API });
    const lasting = await get(away, { scope: 'openid offline_access', prompt: 'consent' });
    const active = async (token: string) => (await introspect(provider, client, token)).body['active'];
    expect(await active(jwt.access_token)).toBe(true);
    expect(await active(opaque.refresh_token)).toBe(true);

    await agent.submit(await agent.open('/'), {}, '/sign-out');
    expect((await agent.open('/')).html).not.toContain(person.email);
    expect(await userinfo(provider, opaque.access_token)).toMatchObject({ status: 401 });
    expect(await active(jwt.access_token)).toBe(false);
    expect(await active(opaque.refresh_token)).toBe(false);
    expect(await refresh(provider, away, lasting.refresh_token)).toMatchObject({ status: 200 });
  });
});
