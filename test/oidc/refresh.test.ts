import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { Client as Connection } from 'pg';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { atOnce, introspect, refresh, signIn, userinfo } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';
import { atEnd } from '../support/cleanup.ts';
import { sha256 } from '../../src/core/ids.ts';
import { until } from '../support/until.ts';
import { type MovableTime, movableTime } from '../support/clock.ts';

const ENDED = { status: 400, body: { error: 'invalid_grant' } };

describe.each(STORES)('refresh tokens on %s', (stores) => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  let agent: UserAgent;
  let time: MovableTime;
  beforeAll(async () => {
    time = await movableTime();
    provider = await startProvider({ stores, ...time.server });
    [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    agent = new UserAgent(provider.url);
  });

  it('rotate: each use issues a new one, with new tokens', async () => {
    const first = await signIn(provider, client, person, { agent });
    const second = await refresh(provider, client, first.refresh_token);
    expect(second).toMatchObject({ status: 200, body: { scope: 'openid profile email', expires_in: 1800 } });
    const third = await refresh(provider, client, second.body.refresh_token);
    const all = [first, second.body, third.body].map((tokens) => tokens.refresh_token);
    expect(new Set(all).size).toBe(3);
    expect(await userinfo(provider, third.body.access_token)).toMatchObject({
      status: 200,
      body: { sub: person.id },
    });
  });

  it('grant no scope that an operator has taken from the client since', async () => {
    const narrowed = await provider.createClient();
    const first = await signIn(provider, narrowed, person, { agent });
    expect((await userinfo(provider, first.access_token)).body).toMatchObject({ email: person.email });
    await provider.operator.clients.update(shellOperator(systemActor), narrowed.id, {
      metadata: { scope: 'openid profile' },
    });
    let token = first.refresh_token;
    await until(async () => {
      const { body } = await refresh(provider, narrowed, token);
      token = body.refresh_token;
      return body.scope === 'openid profile';
    });
    const { body } = await refresh(provider, narrowed, token);
    expect(body.scope).toBe('openid profile');
    expect(decodeJwt(body.id_token)).not.toHaveProperty('email');
    // Tokens issued before lose that scope too.
    for (const { access_token } of [first, body]) {
      const { status, body: told } = await userinfo(provider, access_token);
      expect([status, told['sub'], told['email']]).toEqual([200, person.id, undefined]);
    }
  });

  it('have the same successor for a client that lost the reply and asks again', async () => {
    const { refresh_token: token } = await signIn(provider, client, person, { agent });
    const first = await refresh(provider, client, token);
    const again = await refresh(provider, client, token);
    expect(again.status).toBe(200);
    expect(again.body.refresh_token).toBe(first.body.refresh_token);
    expect(await refresh(provider, client, again.body.refresh_token)).toMatchObject({ status: 200 });
  });

  it('end with their whole family if one is reused after the grace period', async () => {
    const strict = await provider.createClient({ refresh_token_grace: 0 });
    const first = await signIn(provider, strict, person, { agent });
    const second = await refresh(provider, strict, first.refresh_token);
    expect(await userinfo(provider, second.body.access_token)).toMatchObject({ status: 200 });

    expect(await refresh(provider, strict, first.refresh_token)).toMatchObject(ENDED);
    expect(await refresh(provider, strict, second.body.refresh_token)).toMatchObject(ENDED);
    expect(await userinfo(provider, second.body.access_token)).toMatchObject({ status: 401 });

    await until(() => provider.postern.output().includes('a refresh token was reused'));
    expect(await provider.audited('refresh_token.reused', person.id)).toMatchObject({
      outcome: 'failure',
      client_id: strict.id,
      actor_kind: 'client',
      actor_id: strict.id,
    });
  });

  it('end with their whole family if one is reused after its successor was used', async () => {
    const strict = await provider.createClient({ refresh_token_grace: 0 });
    const first = await signIn(provider, strict, person, { agent });
    const second = await refresh(provider, strict, first.refresh_token);
    const third = await refresh(provider, strict, second.body.refresh_token);
    expect(third.status).toBe(200);
    expect(await refresh(provider, strict, first.refresh_token)).toMatchObject(ENDED);
    expect(await refresh(provider, strict, third.body.refresh_token)).toMatchObject(ENDED);
  });

  it('have no grace period if their client has none, even if a node whose clock is ahead used them', async () => {
    const strict = await provider.createClient({ refresh_token_grace: 0 });
    const { refresh_token: token } = await signIn(provider, strict, person, { agent });
    expect((await refresh(provider, strict, token)).status).toBe(200);
    const ahead = `update oidc_records set consumed_at = consumed_at + interval '1 minute'
      where model = 'RefreshToken' and id = $1 and consumed_at is not null returning id`;
    await until(async () => (await provider.sql(ahead, [sha256(token)])).length === 1);
    expect(await refresh(provider, strict, token)).toMatchObject(ENDED);
  });

  it('have the grace period of their client', async () => {
    const brief = await provider.createClient({ refresh_token_grace: 1 });
    const { refresh_token: token } = await signIn(provider, brief, person, { agent });
    const first = await refresh(provider, brief, token);
    await time.advance(1.1);
    expect(await refresh(provider, brief, token)).toMatchObject(ENDED);
    expect(await refresh(provider, brief, first.body.refresh_token)).toMatchObject(ENDED);
  });

  it('belong to one client', async () => {
    const other = await provider.createClient();
    const { refresh_token: token } = await signIn(provider, client, person, { agent });
    expect(await refresh(provider, other, token)).toMatchObject(ENDED);
    expect((await introspect(provider, other, token)).body).toEqual({ active: false });
    expect(await introspect(provider, client, token)).toMatchObject({ body: { active: true } });
    expect(await refresh(provider, client, token)).toMatchObject({ status: 200 });
  });

  it('grant no more scopes than they have', async () => {
    const { refresh_token: token } = await signIn(provider, client, person, {
      agent,
      parameters: { scope: 'openid email' },
    });
    expect(await refresh(provider, client, token, { scope: 'openid profile' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
    expect(await refresh(provider, client, token, { scope: 'openid' })).toMatchObject({
      body: { scope: 'openid' },
    });
  });

  it('are issued to public clients too', async () => {
    const spa = await provider.createClient({}, { isPublic: true });
    const { refresh_token: token } = await signIn(provider, spa, person, { agent });
    const replies = await atOnce(2, () => refresh(provider, spa, token));
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('a refresh token whose use was not recorded', () => {
  let provider: Provider;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider({ stores: 'PostgreSQL' });
    person = await provider.createPerson();
  });

  const row = (token: string) => ({ text: `model = 'RefreshToken' and id = $1`, values: [sha256(token)] });

  /** Leaves the claim of a node that ended some time ago, between the reply and its record. */
  async function loseNote(token: string, ago = '1 minute'): Promise<void> {
    const { text, values } = row(token);
    const forget = `update oidc_records set claimed_at = consumed_at - $2::interval, consumed_at = null
      where ${text} and consumed_at is not null returning id`;
    await until(async () => (await provider.sql(forget, [...values, ago])).length === 1);
  }

  const LOCK = 'lock table oidc_records in access exclusive mode';

  const areWaiting = async (count: number): Promise<boolean> => {
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return (await provider.sql(waiting)).length >= count;
  };

  async function connect(): Promise<Connection> {
    const connection = new Connection({ connectionString: provider.postern.env['DATABASE_URL'] });
    await connection.connect();
    atEnd(() => connection.end());
    return connection;
  }

  it('issues the same successor again at any time, as long as that is unused', async () => {
    const client = await provider.createClient();
    const first = await signIn(provider, client, person);
    const second = await refresh(provider, client, first.refresh_token);
    await loseNote(first.refresh_token);
    const again = await refresh(provider, client, first.refresh_token);
    expect(again).toMatchObject({ status: 200, body: { refresh_token: second.body.refresh_token } });
  });

  // Shorter than a claim lasts, longer than the grace.
  it.each(['1 minute', '6 seconds'])(
    'ends its family if it is used %s after it was, and after its successor',
    async (ago) => {
      const client = await provider.createClient();
      const first = await signIn(provider, client, person);
      const second = await refresh(provider, client, first.refresh_token);
      const third = await refresh(provider, client, second.body.refresh_token);
      expect(third.status).toBe(200);
      await loseNote(first.refresh_token, ago);
      expect(await refresh(provider, client, first.refresh_token)).toMatchObject(ENDED);
      expect(await refresh(provider, client, third.body.refresh_token)).toMatchObject(ENDED);
    },
  );

  it.each([
    ['used', 'consumed_at = now(), claimed_at = null', 400],
    ['free', 'claimed_at = null', 200],
  ])(
    'waits without a grace period for the outcome of the reply under way: the token is %s',
    async (_what, outcome, status) => {
      const strict = await provider.createClient({ refresh_token_grace: 0 });
      const { refresh_token: token } = await signIn(provider, strict, person);
      const { text, values } = row(token);
      // Requests queue behind the first lock, and the second lock queues behind these.
      const [before, after] = await Promise.all([connect(), connect()]);
      await before.query(`begin; ${LOCK}`);
      await before.query(`update oidc_records set claimed_at = now() where ${text}`, values);
      const second = refresh(provider, strict, token);
      await until(() => areWaiting(1));
      const locked = after.query(`begin; ${LOCK}`);
      await until(() => areWaiting(2));
      await before.query('commit');
      await locked;
      await after.query(`update oidc_records set ${outcome} where ${text}`, values);
      await after.query('commit');
      expect(await second).toMatchObject({ status });
    },
  );
});

describe('the lifetime of refresh tokens', () => {
  const settings = { refresh: { idle: 40, absolute: 70 } };

  it('ends after a time without use, and for all of one sign-in after a longer time', async () => {
    const time = await movableTime();
    const provider = await startProvider({ stores: 'PostgreSQL', settings, ...time.server });
    const [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    const [unused, used] = await Promise.all([
      signIn(provider, client, person),
      signIn(provider, client, person),
    ]);
    let token = used.refresh_token;
    for (let turn = 0; turn < 2; turn += 1) {
      await time.advance(25);
      const { status, body } = await refresh(provider, client, token);
      expect(status).toBe(200);
      token = body.refresh_token;
    }
    expect(await refresh(provider, client, unused.refresh_token)).toMatchObject(ENDED);
    await time.advance(25);
    expect(await refresh(provider, client, token)).toMatchObject(ENDED);
  });
});
