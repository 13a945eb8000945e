import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { authorize, exchange, introspect, persist, post, userinfo } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import {
  type RedisGroup,
  startRedisCluster,
  startRedisClusterOverTls,
  startSentinels,
} from '../support/redis-groups.ts';
import { until } from '../support/until.ts';
import { outcomeOf, Watch } from './support/fault.ts';

const GROUPS: Record<string, () => Promise<RedisGroup>> = {
  'Redis Cluster': startRedisCluster,
  'Redis Cluster over TLS': startRedisClusterOverTls,
  'Redis with sentinels': startSentinels,
};

/** Milliseconds until a refused sign-in is tried again. */
const PAUSE = 100;

/** A redeemed code and its token. */
interface Redeemed {
  code: string;
  token: string;
}

describe.each(Object.entries(GROUPS))('%s', (name, start) => {
  let provider: Provider;
  let app: Client;
  let person: Person;

  /**
   * Signs in repeatedly while `on` is set. @param replies the allowed answers to a code, including those of
   * an outage.
   */
  async function signInAgain(
    redeemed: Redeemed[],
    on: { is: boolean },
    watch: Watch,
    replies: number[] = [200, 503],
  ): Promise<void> {
    while (on.is) {
      const code = await authorize(provider, new UserAgent(provider.url), app, person).then(
        (reply) => reply.get('code'),
        () => null,
      );
      if (code === null) {
        watch.note('sign-in refused');
        await sleep(PAUSE);
        continue;
      }
      const reply = await exchange(provider, app, code);
      const { status, body } = reply;
      watch.note(outcomeOf(reply));
      expect(replies).toContain(status);
      if (status === 200) redeemed.push({ code, token: body.access_token });
    }
  }

  it('is resized and has a hanging master while people sign in: nothing works twice, and it recovers by itself', async () => {
    const group = await start();
    await group.requireReplicas();
    provider = await startProvider({ redisUrl: group.url, env: group.env ?? {} });
    [app, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    const redeemed: Redeemed[] = [];
    const on = { is: true };
    // A master that hangs loses what it has not replicated, so such a code is unknown.
    const watch = new Watch(`${name} is resized and has a hanging master`);
    const loops = Promise.all(
      Array.from({ length: 3 }, () => signInAgain(redeemed, on, watch, [200, 400, 503])),
    );
    // A failure ends the wait.
    loops.catch(() => (on.is = false));
    const more = async () => {
      const enough = redeemed.length + 6;
      await until(() => redeemed.length >= enough || !on.is);
    };
    try {
      await more();
      watch.begins();
      for (const change of Object.values(group.changes)) {
        await change();
        await more();
      }
      watch.ends();
    } finally {
      on.is = false;
      await loops;
    }
    await until(async () => (await fetch(`${provider.url}/readyz`)).status === 200);
    // The use of a code that was redeemed last may not be recorded yet.
    const again = await Promise.all(redeemed.map(({ code }) => persist(() => exchange(provider, app, code))));
    expect(new Set(again.map(({ status }) => status))).toEqual(new Set([400]));
    await watch.report('logins under way');
  });

  it('loses a master while people sign in: nothing works twice, revoked tokens stay revoked, and it recovers by itself', async () => {
    const group = await start();
    provider = await startProvider({ redisUrl: group.url, env: group.env ?? {} });
    [app, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    const service = await provider.createClient({ grant_types: ['client_credentials'] });
    const issue = async () =>
      (await post<{ access_token: string }>(provider, 'token', service, { grant_type: 'client_credentials' }))
        .body.access_token;
    const revoked = await Promise.all(Array.from({ length: 10 }, issue));

    const redeemed: Redeemed[] = [];
    const on = { is: true };
    const watch = new Watch(`${name} loses a master`);
    const loops = Promise.all(Array.from({ length: 3 }, () => signInAgain(redeemed, on, watch)));
    try {
      await until(() => redeemed.length > 6);
      for (const token of revoked) await post(provider, 'revoke', service, { token });
      watch.begins();
      await group.killMaster();
      await until(() => group.hasHealed());
      watch.ends();
      const before = redeemed.length;
      await until(() => redeemed.length > before + 6);
    } finally {
      on.is = false;
      await loops;
    }
    await until(async () => (await fetch(`${provider.url}/readyz`)).status === 200);

    for (const token of revoked)
      expect((await introspect(provider, service, token)).body).toEqual({ active: false });
    const { token } = redeemed.at(-1)!;
    expect((await userinfo(provider, token)).status).toBe(200);
    const again = await Promise.all(redeemed.map(({ code }) => persist(() => exchange(provider, app, code))));
    expect(
      new Set(again.map(({ status, body }) => `${status} ${String((body as { error?: string }).error)}`)),
    ).toEqual(new Set(['400 invalid_grant']));
    await watch.report('logins under way');
  });
});
