import { beforeAll, describe, expect, it } from '@jest/globals';
import { createClock, type MovableClock } from '../support/clock.ts';
import { startPostern, type Postern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { atOnce, introspect, post, refresh, signIn, userinfo } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

describe.each(STORES)('a node with a wrong clock on %s,', (stores) => {
  let provider: Provider;
  let node: Postern;
  let wrong: { url: string };
  let client: Client;
  let service: Client;
  let person: Person;
  let agent: UserAgent;
  let clock: MovableClock;

  beforeAll(async () => {
    provider = await startProvider({ stores });
    clock = await createClock();
    const { PORT: _port, ...env } = provider.postern.env;
    node = await startPostern({ env: { ...env, ...clock.env } });
    wrong = { url: `http://localhost:${node.port}` };
    [client, service, person] = await Promise.all([
      provider.createClient(),
      provider.createClient({ grant_types: ['client_credentials'] }),
      provider.createPerson(),
    ]);
    agent = new UserAgent(provider.url);
  });

  const ready = async () => {
    const reply = await fetch(`${wrong.url}/readyz`);
    const { checks } = (await reply.json()) as { checks: Record<string, { reason?: string }> };
    return { status: reply.status, reason: checks['clock']?.reason };
  };
  /** Sets the node's clock and waits until the node has noticed. */
  const setAhead = async (seconds: number, status = 200) => {
    await clock.set(seconds);
    await until(async () => (await ready()).status === status);
  };
  const own = (at: { url: string }) =>
    post<{ access_token: string }>(at, 'token', service, { grant_type: 'client_credentials' });

  it.each([25, -25])('wrong by %i s, ends no family of refresh tokens at either node', async (ahead) => {
    await setAhead(ahead);
    let { refresh_token: token } = await signIn(provider, client, person, { agent });
    for (let round = 0; round < 6; round += 1) {
      const replies = await atOnce(6, (index) => refresh(index % 2 ? provider : wrong, client, token));
      expect(replies.map(({ status, body }) => [status, body.refresh_token])).toEqual(
        replies.map(() => [200, replies[0]?.body.refresh_token]),
      );
      for (const at of [provider, wrong])
        expect(await userinfo(at, replies[0]?.body.access_token ?? '')).toMatchObject({ status: 200 });
      token = replies[0]?.body.refresh_token ?? '';
    }
    // Grace periods have the same length at both nodes: after it a token counts as reused.
    const strict = await provider.createClient({ refresh_token_grace: 0 });
    const tokens = await signIn(provider, strict, person, { agent });
    expect(await refresh(provider, strict, tokens.refresh_token)).toMatchObject({ status: 200 });
    // It is used once that is recorded, just after the reply.
    const used = `select from oidc_records
      where model = 'RefreshToken' and client_id = '${strict.id}' and consumed_at is not null`;
    await until(async () => (await provider.sql(used)).length > 0);
    expect(await refresh(wrong, strict, tokens.refresh_token)).toMatchObject({ status: 400 });
  });

  it('wrong by an hour, says so, signs nothing, uses nothing up, and recovers when it is corrected', async () => {
    await setAhead(0);
    const tokens = await signIn(provider, client, person, { agent });
    const [kept, revoked] = [
      (await own(provider)).body.access_token,
      (await own(provider)).body.access_token,
    ];
    await post(provider, 'revoke', service, { token: revoked });

    await setAhead(3600, 503);
    expect(await ready()).toEqual({ status: 503, reason: expect.stringMatching(/^3600 s ahead/) });
    await until(() => node.output().includes('nothing is signed'));
    for (const refused of [await own(wrong), await refresh(wrong, client, tokens.refresh_token)]) {
      expect(refused).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    const login = await fetch(`${wrong.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: person.username, password: person.password }),
    });
    expect(login.status).toBe(503);
    const asked = await Promise.all([kept, revoked].map((token) => introspect(provider, service, token)));
    expect(asked.map(({ body }) => body['active'])).toEqual([true, false]);
    expect(await refresh(provider, client, tokens.refresh_token)).toMatchObject({ status: 200 });

    await setAhead(0);
    expect(await own(wrong)).toMatchObject({ status: 200 });
    expect((await introspect(wrong, service, revoked)).body['active']).toBe(false);
  });
});
