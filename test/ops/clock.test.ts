import { beforeAll, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { atOnce, refresh, signIn } from '../oidc/support/flow.ts';
import { type Client, type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { createClock, type MovableClock } from '../support/clock.ts';
import { type Postern, startPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { outcomeOf, watchDuring } from './support/fault.ts';

/** Seconds by which a node that signs may differ from the right time, and what a busy machine adds. */
const TOLERATED = 30 + 10;

let balancer: Balancer;
let provider: Provider;
/** The node whose clock moves. */
let node: Postern;
let clock: MovableClock;
let client: Client;
let families: string[];

beforeAll(async () => {
  [balancer, clock] = await Promise.all([startBalancer(), createClock()]);
  provider = await startProvider({ env: { PUBLIC_URL: balancer.url } });
  const { PORT: _port, ...env } = provider.postern.env;
  node = await startPostern({ env: { ...env, ...clock.env } });
  balancer.use(provider.postern.port, node.port);
  client = await provider.createClient();
  families = await atOnce(8, async () => {
    const parameters = { scope: 'openid offline_access', prompt: 'consent' };
    return (await signIn(provider, client, await provider.createPerson(), { parameters })).refresh_token;
  });
});

/** Rotates the refresh token of a family. What was signed has the right time. */
async function rotate(family: number): Promise<string> {
  const reply = await refresh(provider, client, families[family] ?? '');
  if (reply.status === 200) {
    families[family] = reply.body.refresh_token;
    const { iat = 0 } = decodeJwt(reply.body.id_token);
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(TOLERATED);
  }
  return outcomeOf(reply);
}

const readiness = async () => (await fetch(`http://localhost:${node.port}/readyz`)).status;

it.each([
  ['five minutes ahead', 300],
  ['five minutes behind', -300],
])(
  'a node whose clock is %s, beside one whose clock is right, signs nothing until it is set right, and nothing is lost',
  async (name, ahead) => {
    const watch = await watchDuring(`a clock ${name}`, rotate, async (watch, answered) => {
      watch.begins();
      await clock.set(ahead);
      await answered(8, '503');
      expect(await readiness()).toBe(503);
      // The other node serves.
      await answered(16);
      watch.ends();
      await clock.set(0);
      await answered(64);
      expect(watch.count('503', true)).toBeLessThanOrEqual(8);
    });
    expect(watch.outcomes).toEqual(['503', 'fine']);
    await until(async () => (await readiness()) === 200);
    expect(node.output()).toMatch(/nothing is signed/);
    for (const family of families.keys()) expect(await rotate(family)).toBe('fine');
    expect(await provider.sql("select from audit_events where type = 'refresh_token.reused'")).toEqual([]);
    await watch.report('nothing');
  },
);

it('a balancer that checks /readyz takes such a node out, and puts it back', async () => {
  balancer.checkHealth(provider.postern.port, node.port);
  const repliesOf = () =>
    [...balancer.replies].reduce((sum, [key, n]) => (key.startsWith(`${node.port} `) ? sum + n : sum), 0);
  const watch = await watchDuring(
    'the same, with a balancer that checks /readyz',
    rotate,
    async (watch, answered) => {
      watch.begins();
      await clock.set(300);
      await until(async () => {
        const before = repliesOf();
        await answered(16);
        return repliesOf() === before;
      });
      watch.ends();
      await clock.set(0);
      const before = repliesOf();
      await until(() => repliesOf() > before);
      await answered(16);
      expect(watch.count('503', true)).toBe(0);
    },
  );
  expect(watch.outcomes.filter((outcome) => outcome !== 'fine' && outcome !== '503')).toEqual([]);
  for (const family of families.keys()) expect(await rotate(family)).toBe('fine');
  await watch.report('nothing');
});
