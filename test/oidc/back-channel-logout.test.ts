import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { startPostern } from '../support/postern.ts';
import { form, introspect, signIn, type Tokens } from './support/flow.ts';
import { listenForLogout, type LogoutListener } from './support/logout-listener.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const SETTINGS = { outbound: { allow: ['localhost'] } };

interface Told {
  client: Client;
  listener: LogoutListener;
}

async function newClient(provider: Provider, metadata: Record<string, unknown> = {}): Promise<Told> {
  const listener = await listenForLogout();
  const client = await provider.createClient({
    backchannel_logout_uri: listener.uri,
    backchannel_logout_session_required: true,
    ...metadata,
  });
  return { client, listener };
}

const sidOf = ({ id_token }: Tokens) => decodeJwt(id_token)['sid'];

describe('back-channel logout', () => {
  let provider: Provider;
  let one: Told;
  let two: Told;
  beforeAll(async () => {
    provider = await startProvider({ settings: SETTINGS });
    [one, two] = [await newClient(provider), await newClient(provider)];
  });

  interface Session {
    person: Person;
    agent: UserAgent;
    first: Tokens;
    second: Tokens;
  }
  /** A person signed in to both clients in one browser. */
  async function session(): Promise<Session> {
    const person = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const first = await signIn(provider, one.client, person, { agent });
    const second = await signIn(provider, two.client, person, { agent });
    for (const { listener } of [one, two]) listener.tokens.length = 0;
    return { person, agent, first, second };
  }
  const endSession = async ({ agent }: Session, values: Record<string, string>) =>
    agent.submit(await agent.open(`/oauth2/logout?${form({ client_id: one.client.id }).toString()}`), values);

  it('is in discovery', async () => {
    const metadata = await fetch(`${provider.url}/.well-known/openid-configuration`);
    expect(await metadata.json()).toMatchObject({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    });
  });

  it('sends each client a logout token for its own session', async () => {
    const held = await session();
    await endSession(held, { logout: 'yes' });
    const [claims] = await one.listener.received(1);
    const [token = ''] = one.listener.tokens;
    const jwks = createRemoteJWKSet(new URL(`${provider.url}/oauth2/jwks`));
    await jwtVerify(token, jwks, { issuer: provider.url, audience: one.client.id, typ: 'logout+jwt' });
    expect(decodeProtectedHeader(token).alg).toBe('RS256');
    expect(claims).toEqual({
      iss: provider.url,
      aud: one.client.id,
      sub: held.person.id,
      sid: sidOf(held.first),
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
      events: { [EVENT]: {} },
    });
    expect(Number(claims?.exp) - Number(claims?.iat)).toBeLessThanOrEqual(120);
    expect(one.listener.types[0]).toBe('application/x-www-form-urlencoded');
    const [other] = await two.listener.received(1);
    expect(other).toMatchObject({ aud: two.client.id, sid: sidOf(held.second) });
    expect(other?.['sid']).not.toBe(claims?.['sid']);
    expect(other?.jti).not.toBe(claims?.jti);
  });

  it('leaves out the session for a client that does not require it, and signs with the client’s algorithm', async () => {
    const plain = await newClient(provider, {
      backchannel_logout_session_required: false,
      id_token_signed_response_alg: 'ES256',
    });
    const person = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const tokens = await signIn(provider, plain.client, person, { agent });
    expect(sidOf(tokens)).toBeUndefined();
    await agent.submit(await agent.open('/'), {}, '/sign-out');
    const [claims] = await plain.listener.received(1);
    expect(claims).toMatchObject({ sub: person.id });
    expect(claims).not.toHaveProperty('sid');
    expect(decodeProtectedHeader(plain.listener.tokens[0] ?? '').alg).toBe('ES256');
  });

  it('notifies only the client from which a person signs out while staying signed in', async () => {
    const held = await session();
    await endSession(held, {});
    expect(await one.listener.received(1)).toMatchObject([{ sid: sidOf(held.first) }]);
    expect(two.listener.tokens).toEqual([]);
    // The rest of the session ends like any other, without notifying that client again.
    await held.agent.submit(await held.agent.open('/'), {}, '/sign-out');
    await two.listener.received(1);
    expect(one.listener.tokens).toHaveLength(1);
  });

  const endings: Record<string, (held: Session) => Promise<unknown>> = {
    'signing out on the pages': async ({ agent }) => agent.submit(await agent.open('/'), {}, '/sign-out'),
    'ending it on the page of devices': async ({ person }) => {
      const other = new UserAgent(provider.url);
      const entry = await other.open('/sign-in?next=/account/sessions');
      const page = await other.submit(
        entry,
        { identifier: person.email, password: person.password },
        '/sign-in',
      );
      await other.submit(page, {}, '/end-others');
    },
    'a new password': ({ person }) =>
      provider.operator.accounts.setPassword(person.id, 'three other unrelated words', systemActor),
    'suspension': ({ person }) => provider.operator.accounts.suspend(person.id, systemActor),
    'deletion': ({ person }) => provider.operator.accounts.remove(person.id, systemActor),
    'another account in the same browser': async ({ agent }) => {
      const { email, password } = await provider.createPerson();
      await agent.submit(await agent.open('/sign-in'), { identifier: email, password }, '/sign-in');
    },
  };
  it.each(Object.keys(endings))('happens after %s', async (name) => {
    const held = await session();
    await endings[name]?.(held);
    expect(await one.listener.received(1)).toMatchObject([{ sub: held.person.id, sid: sidOf(held.first) }]);
    expect(await two.listener.received(1)).toMatchObject([{ sub: held.person.id, sid: sidOf(held.second) }]);
    expect(await introspect(provider, one.client, held.first.access_token)).toMatchObject({
      body: { active: false },
    });
    expect(await introspect(provider, one.client, held.first.refresh_token)).toMatchObject({
      body: { active: false },
    });
  });

  it('notifies a client that is disconnected, once, and no other', async () => {
    const held = await session();
    const page = await held.agent.open('/account/apps');
    await held.agent.submit(page, { client: one.client.id }, '/disconnect');
    expect(await one.listener.received(1)).toMatchObject([{ sid: sidOf(held.first) }]);
    await held.agent.submit(await held.agent.open('/'), {}, '/sign-out');
    await two.listener.received(1);
    expect(one.listener.tokens).toHaveLength(1);
    expect(two.listener.tokens).toHaveLength(1);
  });

  it('notifies nobody when a session only changes its id', async () => {
    const held = await session();
    const again = await signIn(provider, one.client, held.person, {
      agent: held.agent,
      parameters: { prompt: 'login' },
    });
    expect(sidOf(again)).toBe(sidOf(held.first));
    expect(await provider.sql("select from outbox where kind = 'logout' and content is not null")).toEqual(
      [],
    );
    expect(one.listener.tokens).toEqual([]);
  });

  it('retries until the client has accepted the token, with the same jti', async () => {
    one.listener.status = 503;
    const held = await session();
    await endSession(held, { logout: 'yes' });
    await one.listener.received(2);
    one.listener.status = 200;
    const waiting = async () =>
      provider.sql('select from outbox where recipient = $1 and content is not null', [one.client.id]);
    while ((await waiting()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const claims = one.listener.tokens.map((token) => decodeJwt(token));
    expect(new Set(claims.map(({ jti }) => jti)).size).toBe(1);
    expect(new Set(claims.map(({ sid }) => sid))).toEqual(new Set([sidOf(held.first)]));
  });

  it('is not delayed by a client that does not answer', async () => {
    const dead = await newClient(provider);
    dead.listener.status = 'hang';
    const person = await provider.createPerson();
    for (let browsers = 0; browsers < 12; browsers += 1) {
      await signIn(provider, dead.client, person, { agent: new UserAgent(provider.url) });
    }
    await provider.operator.accounts.suspend(person.id, systemActor);
    await dead.listener.received(1);
    const held = await session();
    await endSession(held, { logout: 'yes' });
    await one.listener.received(1);
    await two.listener.received(1);
    expect(
      await provider.sql('select from outbox where recipient = $1 and content is not null', [dead.client.id]),
    ).toHaveLength(12);
  });
});

describe.each(STORES)('back-channel logout on %s', (stores) => {
  it('survives the process in which the session ended', async () => {
    const provider = await startProvider({ stores, settings: SETTINGS });
    const { client, listener } = await newClient(provider);
    listener.status = 500;
    const person = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const tokens = await signIn(provider, client, person, { agent });
    await agent.submit(await agent.open('/'), {}, '/sign-out');
    await listener.received(1);
    await provider.postern.stop('SIGKILL');
    listener.status = 200;
    await startPostern({ env: provider.postern.env });
    const claims = await listener.received(2);
    expect(claims.every(({ sid }) => sid === sidOf(tokens))).toBe(true);
  });
});
