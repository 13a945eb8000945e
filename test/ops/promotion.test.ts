import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Client as Connection } from 'pg';
import { sha256 } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/logger.ts';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import {
  atOnce,
  authorize,
  exchange,
  persist,
  refresh,
  type Reply,
  signIn,
  userinfo,
} from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { startPostgresPair } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { outcomeOf, Watch } from './support/fault.ts';

/** Milliseconds between two attempts during the outage. */
const PAUSE = 50;

const OFFLINE = { scope: 'openid profile email offline_access', prompt: 'consent' };

/** The access tokens issued for a code. */
interface Redeemed {
  code: string;
  tries: number;
  tokens: string[];
}

/** A login whose refresh token was rotated repeatedly. */
interface Family {
  current: string;
  former: string[];
  rotations: number;
}

describe.each(STORES)('a failover on %s', (stores) => {
  let provider: Provider;
  let app: Client;
  let person: Person;
  /** The refusals: status, error, and whether there is Retry-After. */
  const refusals = new Set<string>();
  const watch = new Watch(`a replica is promoted while codes are redeemed and tokens rotated (${stores})`);
  const on = { is: true };

  const noteRefusal = ({ status, headers, body }: Reply<object>) => {
    const { error } = body as { error?: string };
    // Of several attempts to redeem a code all but one are refused.
    watch.note(outcomeOf({ status, headers }, [200, 400]));
    if (status !== 200) refusals.add(`${status} ${error} ${headers.has('retry-after')}`);
  };

  /** Signs in silently and redeems the code in one or three parallel attempts, until each has an answer. */
  async function redeemAgain(tries: number, redeemed: Redeemed[]): Promise<void> {
    const agent = new UserAgent(provider.url);
    while (on.is) {
      const code = await authorize(provider, agent, app, person).then(
        (reply) => reply.get('code'),
        // An error page during the outage.
        () => null,
      );
      if (code === null) {
        await sleep(PAUSE);
        continue;
      }
      const replies = await atOnce(tries, () => persist(() => exchange(provider, app, code), noteRefusal));
      const tokens = replies.filter(({ status }) => status === 200).map(({ body }) => body.access_token);
      redeemed.push({ code, tries, tokens });
    }
  }

  /** Rotates a refresh token in two parallel attempts and continues with the successor. */
  async function rotateAgain(family: Family): Promise<void> {
    while (on.is) {
      const replies = await atOnce(2, () =>
        persist(() => refresh(provider, app, family.current), noteRefusal),
      );
      const successors = new Set(
        replies.map(({ status, body }) => (status === 200 ? body.refresh_token : status)),
      );
      expect([...successors]).toEqual([expect.any(String)]);
      family.former.push(family.current);
      [family.current = ''] = successors as Set<string>;
      family.rotations += 1;
    }
  }

  it('promotes a replica while codes are redeemed and refresh tokens rotated, and none is used twice or lost', async () => {
    const { primary, replica, url } = await startPostgresPair();
    await migrate(primary.databaseUrl(), createLogger('silent'));
    provider = await startProvider({
      stores,
      databaseUrl: primary.databaseUrl(),
      env: { DATABASE_URL: url },
    });
    [app, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    const families = await atOnce(4, async (): Promise<Family> => {
      const tokens = await signIn(provider, app, person, { parameters: OFFLINE });
      return { current: tokens.refresh_token, former: [], rotations: 0 };
    });
    const redeemed: Redeemed[] = [];
    const work = Promise.all([
      ...[1, 1, 3, 3].map((tries) => redeemAgain(tries, redeemed)),
      ...families.map(rotateAgain),
    ]);
    // A failure ends the wait.
    work.catch(() => (on.is = false));
    const more = async (count: number) => {
      const [codes, rotations] = [redeemed.length, families.map((family) => family.rotations)];
      await until(
        () =>
          !on.is ||
          (redeemed.length >= codes + count &&
            families.every((family, index) => family.rotations >= rotations[index]! + count)),
      );
    };
    try {
      await more(3);
      watch.begins();
      await primary.kill();
      await until(() => !on.is || refusals.size > 0);
      await replica.promote();
      watch.ends();
      await more(4);
    } finally {
      on.is = false;
      await work;
    }
    await until(async () => (await fetch(`${provider.url}/readyz`)).status === 200);

    // Of several parallel attempts all but one are told that the code was used.
    expect([...refusals].filter((refusal) => refusal !== '400 invalid_grant false')).toEqual([
      '503 temporarily_unavailable true',
    ]);
    expect(redeemed.filter(({ tokens }) => tokens.length !== 1)).toEqual([]);
    for (const { tries, tokens } of redeemed.filter((one) => one.tries === 1))
      expect([tries, (await userinfo(provider, tokens[0] ?? '')).status]).toEqual([1, 200]);
    const living = new Connection({ connectionString: replica.databaseUrl() });
    await living.connect();
    try {
      // Use is recorded a moment after the reply, or as soon as there is a primary again.
      const unused = async () => {
        const { rows } = await living.query<{ n: number }>(
          `select count(*)::int as n from oidc_records where model = 'RefreshToken' and consumed_at is null
             and grant_id in (select grant_id from oidc_records where id = any($1)) group by grant_id`,
          [families.map(({ current }) => sha256(current))],
        );
        return rows.map(({ n }) => n).join(' ');
      };
      await until(async () => (await unused()) === families.map(() => 1).join(' '));
    } finally {
      await living.end();
    }
    for (const { current } of families) expect((await refresh(provider, app, current)).status).toBe(200);
    const again = await Promise.all(redeemed.map(({ code }) => exchange(provider, app, code)));
    expect(
      new Set(again.map(({ status, body }) => `${status} ${String((body as { error?: string }).error)}`)),
    ).toEqual(new Set(['400 invalid_grant']));
    // After the grace a refresh token from before the failover counts as reused. A request that the end of the grace overtakes is
    // refused, and ends nothing.
    for (const { current, former } of families) {
      await until(async () => (await refresh(provider, app, former[0] ?? '')).status === 400);
      expect((await refresh(provider, app, former[0] ?? '')).status).toBe(400);
      expect((await refresh(provider, app, current)).status).toBe(400);
    }
    await watch.report('nothing');
  });
});
