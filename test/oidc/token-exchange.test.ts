import { beforeAll, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, createRemoteJWKSet, decodeJwt, jwtVerify, type JWTPayload } from 'jose';
import * as oidc from 'openid-client';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { until } from '../support/until.ts';
import { introspect, post, type Reply, signIn, type Tokens } from './support/flow.ts';
import { type Keys, newKeys, proof } from './support/proofs.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const ORDERS = 'https://orders.example.test';
const LEDGER = 'https://ledger.example.test';
const OPAQUE = 'https://opaque.example.test';
const SHORT = 'https://short.example.test';

const shell = shellOperator(systemActor);
const INVALID_REQUEST = { status: 400, body: { error: 'invalid_request' } };
type Exchanged = Tokens & { issued_token_type: string; token_type: string };
type Parameters = Record<string, string | string[]>;
describe.each(STORES)('token exchange on %s', (stores) => {
  let provider: Provider;
  let person: Person;
  let app: Client;
  /** The API behind the first one. It is named as actor. */
  let orders: Client;
  /** Impersonates the person. */
  let gateway: Client;
  let keys: ReturnType<typeof createRemoteJWKSet>;

  beforeAll(async () => {
    provider = await startProvider({ stores });
    await Promise.all([
      provider.createApi({ identifier: ORDERS }),
      provider.createApi({ identifier: LEDGER, scopes: ['read', 'audit'] }),
      provider.createApi({ identifier: OPAQUE, accessTokenFormat: 'opaque' }),
      provider.createApi({ identifier: SHORT, accessTokenTtl: 60 }),
    ]);
    [person, app] = await Promise.all([provider.createPerson(), provider.createClient()]);
    [orders, gateway] = await Promise.all([
      createExchanger({ audiences: [LEDGER, OPAQUE], clients: [app.id] }, { apis: [LEDGER, OPAQUE, ORDERS] }),
      createExchanger({ audiences: [LEDGER, OPAQUE, SHORT, ORDERS], clients: [app.id], impersonation: true }),
    ]);
    keys = createRemoteJWKSet(new URL(`${provider.url}/oauth2/jwks`));
  });

  const createExchanger = (policy?: object, metadata: object = {}) =>
    provider.createClient({
      grant_types: ['client_credentials', GRANT],
      ...(policy && { token_exchange: policy }),
      ...metadata,
    });

  const signedIn = (parameters: Parameters = {}, by = app, who = person, agent?: UserAgent) =>
    signIn(provider, by, who, {
      parameters: { scope: 'openid read', resource: ORDERS, ...parameters },
      ...(agent && { agent }),
    });

  const exchange = (
    by: Client,
    subject: string,
    parameters: Parameters = {},
    headers: Record<string, string> = {},
  ): Promise<Reply<Exchanged>> =>
    post<Exchanged>(
      provider,
      'token',
      by,
      {
        grant_type: GRANT,
        subject_token: subject,
        subject_token_type: ACCESS_TOKEN,
        resource: LEDGER,
        ...parameters,
      },
      headers,
    );

  const ownToken = async (client: Client, resource: string): Promise<string> =>
    (await post<Tokens>(provider, 'token', client, { grant_type: 'client_credentials', resource })).body
      .access_token;
  const acting = async (client: Client): Promise<Parameters> => ({
    actor_token: await ownToken(client, LEDGER),
    actor_token_type: ACCESS_TOKEN,
  });

  const verified = async (token: string, audience = LEDGER): Promise<JWTPayload> =>
    (await jwtVerify(token, keys, { issuer: provider.url, audience, typ: 'at+jwt' })).payload;
  const isActive = async (token: string) =>
    (await introspect(provider, orders, token)).body['active'] as boolean;

  it('issues an API a token for the next one and names the actor', async () => {
    const subject = await signedIn();
    const reply = await exchange(orders, subject.access_token, await acting(orders));
    expect(reply).toMatchObject({
      status: 200,
      body: { issued_token_type: ACCESS_TOKEN, token_type: 'Bearer', scope: 'read' },
    });
    expect(reply.body).not.toHaveProperty('refresh_token');
    expect(reply.body).not.toHaveProperty('id_token');
    expect(reply.headers.get('cache-control')).toContain('no-store');
    const claims = await verified(reply.body.access_token);
    const of = decodeJwt(subject.access_token);
    expect(claims).toMatchObject({
      sub: person.id,
      client_id: orders.id,
      scope: 'read',
      act: { sub: orders.id },
      auth_time: of['auth_time'],
      acr: of['acr'],
      amr: of['amr'],
    });
    expect(claims.exp).toBeLessThanOrEqual(of.exp ?? 0);
    expect(await introspect(provider, orders, reply.body.access_token)).toMatchObject({
      body: { active: true, sub: person.id, client_id: orders.id, act: { sub: orders.id } },
    });
    expect(await provider.audited('token.exchanged', person.id)).toMatchObject({
      actor_kind: 'client',
      actor_id: orders.id,
      client_id: orders.id,
      door: 'oidc',
      details: { subjectClientId: app.id, audience: LEDGER, scope: 'read', act: { sub: orders.id } },
    });
  });

  it('keeps all earlier actors, the last one outermost', async () => {
    const third = await createExchanger({
      audiences: [OPAQUE, LEDGER],
      clients: [orders.id],
      impersonation: true,
    });
    const { access_token: first } = await signedIn();
    const second = await exchange(orders, first, await acting(orders));
    const { body } = await exchange(third, second.body.access_token, await acting(third));
    const chain = { sub: third.id, act: { sub: orders.id } };
    expect(await verified(body.access_token)).toMatchObject({ sub: person.id, act: chain });
    // If the next one impersonates, only it is left out.
    const hidden = await exchange(third, second.body.access_token, { resource: OPAQUE });
    expect(await introspect(provider, orders, hidden.body.access_token)).toMatchObject({
      body: { active: true, sub: person.id, act: { sub: orders.id } },
    });
  });

  it('lets a person be the actor, with a token of theirs that the client has', async () => {
    const helpdesk = await provider.createClient({
      grant_types: ['authorization_code', GRANT],
      token_exchange: { audiences: [LEDGER], clients: [app.id] },
    });
    const clerk = await provider.createPerson();
    const actor = await signedIn({}, helpdesk, clerk);
    for (const [token, type] of [
      [actor.access_token, ACCESS_TOKEN],
      [actor.id_token, ID_TOKEN],
    ] as const) {
      const reply = await exchange(helpdesk, (await signedIn()).access_token, {
        actor_token: token,
        actor_token_type: type,
      });
      expect(await verified(reply.body.access_token)).toMatchObject({
        sub: person.id,
        act: { sub: clerk.id },
      });
    }
  });

  it('names a person who acts by the subject that the client knows (pairwise subjects)', async () => {
    const helpdesk = await provider.createClient({
      grant_types: ['authorization_code', GRANT],
      subject_type: 'pairwise',
      token_exchange: { audiences: [LEDGER], clients: [app.id] },
    });
    const clerk = await provider.createPerson();
    const noApi = { scope: 'openid', resource: '' };
    const { access_token: opaque, id_token: idToken } = await signedIn(noApi, helpdesk, clerk);
    expect(opaque).not.toContain('.');
    const { sub } = decodeJwt(idToken);
    expect(sub).not.toBe(clerk.id);
    for (const [token, type] of [
      [opaque, ACCESS_TOKEN],
      [idToken, ID_TOKEN],
    ] as const) {
      const actor = { actor_token: token, actor_token_type: type };
      const { body } = await exchange(helpdesk, (await signedIn()).access_token, actor);
      expect(decodeJwt(body.access_token)).toMatchObject({ act: { sub } });
    }
  });

  it('issues a client that may impersonate the person’s token without an actor', async () => {
    const { access_token: subject } = await signedIn();
    const { body } = await exchange(gateway, subject);
    expect(await verified(body.access_token)).toMatchObject({ sub: person.id, client_id: gateway.id });
    expect(decodeJwt(body.access_token)).not.toHaveProperty('act');
  });

  it('works with openid-client', async () => {
    const config = await oidc.discovery(
      new URL(provider.url),
      gateway.id,
      undefined,
      oidc.ClientSecretBasic(gateway.secret),
      { execute: [oidc.allowInsecureRequests] },
    );
    expect(config.serverMetadata().grant_types_supported).toContain(GRANT);
    const tokens = await oidc.genericGrantRequest(config, GRANT, {
      subject_token: (await signedIn()).access_token,
      subject_token_type: ACCESS_TOKEN,
      audience: LEDGER,
    });
    expect(await verified(tokens.access_token)).toMatchObject({ sub: person.id });
  });

  it('accepts opaque tokens and ID tokens too, and issues opaque ones for APIs with that format', async () => {
    const { access_token: jwt, id_token: idToken } = await signedIn();
    const { access_token: opaque } = await signedIn({ resource: OPAQUE });
    expect(opaque).not.toContain('.');
    const [fromOpaque, fromId, toOpaque] = await Promise.all([
      exchange(gateway, opaque),
      exchange(gateway, idToken, { subject_token_type: ID_TOKEN }),
      exchange(gateway, jwt, { resource: OPAQUE }),
    ]);
    expect(await verified(fromOpaque.body.access_token)).toMatchObject({ sub: person.id, scope: 'read' });
    // An ID token identifies the person but grants no scope.
    const claims = await verified(fromId.body.access_token);
    expect(claims.sub).toBe(person.id);
    expect(claims).not.toHaveProperty('scope');
    expect(claims.exp).toBeLessThanOrEqual(decodeJwt(idToken).exp ?? 0);
    expect(await introspect(provider, orders, toOpaque.body.access_token)).toMatchObject({
      body: { active: true, sub: person.id, aud: OPAQUE, client_id: gateway.id, scope: 'read' },
    });
  });

  it('only ever narrows: to scopes of subject token, client and API, and to the earlier expiry', async () => {
    const { access_token: both } = await signedIn({ scope: 'openid read write' });
    const { access_token: write } = await signedIn({ scope: 'openid write' });
    expect((await exchange(gateway, both)).body.scope).toBe('read');
    expect((await exchange(gateway, both, { resource: ORDERS })).body.scope).toBe('read write');
    expect((await exchange(gateway, both, { resource: ORDERS, scope: 'write' })).body.scope).toBe('write');
    expect((await exchange(gateway, write)).body).not.toHaveProperty('scope');
    const limited = await createExchanger(
      { audiences: [ORDERS], clients: [app.id], impersonation: true },
      { scope: 'read' },
    );
    expect((await exchange(limited, both, { resource: ORDERS })).body.scope).toBe('read');
    for (const [by, scope] of [
      [gateway, 'audit'],
      [gateway, 'write'],
      [gateway, 'openid'],
      [gateway, 'offline_access'],
      [gateway, 'nonsense'],
    ] as const) {
      expect(await exchange(by, both, { scope })).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      });
    }
    expect((await exchange(gateway, both, { resource: SHORT })).body.expires_in).toBe(60);
    const brief = await provider.createClient({ access_token_ttl: 90 });
    const eager = await createExchanger({ audiences: [LEDGER], clients: [brief.id], impersonation: true });
    const { access_token: short } = await signedIn({}, brief);
    expect((await exchange(eager, short)).body.expires_in).toBeLessThanOrEqual(90);
  });

  it.each([
    [
      'the person signs out',
      async (_: Person, agent: UserAgent) =>
        void (await agent.submit(await agent.open('/'), {}, '/sign-out')),
    ],
    ['the account is suspended', ({ id }: Person) => provider.operator.accounts.suspend(id, systemActor)],
    [
      'the password is changed',
      ({ id }: Person) =>
        provider.operator.accounts.setPassword(id, 'four other unrelated words', systemActor),
    ],
  ] as [string, (who: Person, agent: UserAgent) => Promise<unknown>][])(
    'issues tokens that end at once when %s, and then no more',
    async (_what, end) => {
      const who = await provider.createPerson();
      const agent = new UserAgent(provider.url);
      const subject = await signedIn({}, app, who, agent);
      const held = [
        (await exchange(gateway, subject.access_token)).body.access_token,
        (await exchange(gateway, subject.access_token, { resource: OPAQUE })).body.access_token,
        (await exchange(gateway, subject.id_token, { subject_token_type: ID_TOKEN })).body.access_token,
      ];
      expect(await Promise.all(held.map(isActive))).toEqual([true, true, true]);
      await end(who, agent);
      expect(await Promise.all(held.map(isActive))).toEqual([false, false, false]);
      const again = await Promise.all([
        exchange(gateway, subject.access_token),
        exchange(gateway, subject.id_token, { subject_token_type: ID_TOKEN }),
      ]);
      for (const reply of again) expect(reply).toMatchObject(INVALID_REQUEST);
    },
  );

  it('issues tokens that end with the client of the subject token and with their own client', async () => {
    const [one, two] = [await provider.createClient(), await provider.createClient()];
    const by = () => createExchanger({ audiences: [LEDGER], clients: [one.id, two.id], impersonation: true });
    const [first, second] = [await by(), await by()];
    const { access_token: ofOne } = await signedIn({}, one);
    const { access_token: ofTwo } = await signedIn({}, two);
    const held = [
      (await exchange(first, ofOne)).body.access_token,
      (await exchange(second, ofTwo)).body.access_token,
    ];
    expect(await Promise.all(held.map(isActive))).toEqual([true, true]);
    for (const { id } of [one, second]) await provider.operator.clients.remove(shell, id);
    expect(await Promise.all(held.map(isActive))).toEqual([false, false]);
  });

  it('issues tokens that their client can revoke, which ends nothing else', async () => {
    const { access_token: subject, refresh_token: lasting } = await signedIn();
    for (const resource of [LEDGER, OPAQUE]) {
      const { access_token: token } = (await exchange(gateway, subject, { resource })).body;
      await post(provider, 'revoke', orders, { token });
      expect(await isActive(token)).toBe(true);
      await post(provider, 'revoke', gateway, { token });
      expect(await isActive(token)).toBe(false);
    }
    expect(await isActive(subject)).toBe(true);
    expect(await introspect(provider, app, lasting)).toMatchObject({ body: { active: true } });
    expect(await exchange(gateway, subject)).toMatchObject({ status: 200 });
    await post(provider, 'revoke', app, { token: subject });
    expect(await exchange(gateway, subject)).toMatchObject(INVALID_REQUEST);
  });

  it('respects may_act: a token that names a party can be exchanged by nobody else', async () => {
    const strict = await provider.createClient();
    const policy = { audiences: [LEDGER], clients: [strict.id], impersonation: true };
    const [named, other] = [await createExchanger(policy), await createExchanger(policy)];
    await provider.operator.clients.update(shell, strict.id, { metadata: { may_act: named.id } });
    // The change is announced: the server knows once tokens contain it.
    await until(async () => 'may_act' in decodeJwt((await signedIn({}, strict)).access_token));
    const tokens = await signedIn({}, strict);
    expect(decodeJwt(tokens.access_token)).toMatchObject({ may_act: { sub: named.id } });
    for (const [token, type] of [
      [tokens.access_token, ACCESS_TOKEN],
      [tokens.id_token, ID_TOKEN],
    ] as const) {
      const parameters = { subject_token_type: type };
      expect(await exchange(named, token, parameters)).toMatchObject({ status: 200 });
      expect(await exchange(named, token, { ...parameters, ...(await acting(named)) })).toMatchObject({
        status: 200,
      });
      for (const actor of [{}, await acting(other)]) {
        expect(await exchange(other, token, { ...parameters, ...actor })).toMatchObject({
          status: 400,
          body: { error: 'invalid_request', error_description: expect.stringContaining('may_act') },
        });
      }
    }
  });

  describe('with a DPoP-bound token (RFC 9449)', () => {
    let key: Keys;
    let jkt: string;
    let bound: string;
    let exchanger: Client;
    beforeAll(async () => {
      key = await newKeys();
      jkt = await calculateJwkThumbprint(key.publicJwk);
      const own = await provider.createClient({ grant_types: ['authorization_code', 'refresh_token'] });
      const tokens = await signedIn({}, own);
      exchanger = await createExchanger({ audiences: [LEDGER], clients: [own.id], impersonation: true });
      const { body } = await post<Tokens>(
        provider,
        'token',
        own,
        { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, resource: ORDERS, scope: 'read' },
        { DPoP: await proof(provider, key) },
      );
      bound = body.access_token;
      expect(decodeJwt(bound)).toMatchObject({ cnf: { jkt } });
    });

    it('needs a proof of that key, once, and issues a token bound to it', async () => {
      const headers = { DPoP: await proof(provider, key) };
      const { body } = await exchange(exchanger, bound, {}, headers);
      expect(body.token_type).toBe('DPoP');
      expect(await verified(body.access_token)).toMatchObject({ cnf: { jkt } });
      const replayed = await exchange(exchanger, bound, {}, headers);
      expect(replayed).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
    });

    it('is refused without a proof or with one of another key', async () => {
      const other = await newKeys();
      for (const headers of [{}, { DPoP: await proof(provider, other) }] as Record<string, string>[]) {
        expect(await exchange(exchanger, bound, {}, headers)).toMatchObject(INVALID_REQUEST);
      }
    });
  });
});
