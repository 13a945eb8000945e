import { beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeProtectedHeader } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { type MovableTime, movableTime } from '../support/clock.ts';
import { runCli } from '../support/postern.ts';
import { form, introspect, post, refresh, signIn, type Tokens, userinfo } from './support/flow.ts';
import { type Client, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

interface Jwks {
  keys: { kid: string; alg: string }[];
}

/** Seconds between publication and the first signature. */
const LEAD = 2;

describe('the rotation of signing keys', () => {
  let provider: Provider;
  let service: Client;
  let time: MovableTime;
  beforeAll(async () => {
    time = await movableTime();
    provider = await startProvider({ settings: { keys: { lead: LEAD } }, ...time.server });
    service = await provider.createClient({ grant_types: ['client_credentials'] });
  });

  const published = async (): Promise<string[]> => {
    const { keys } = (await (await fetch(`${provider.url}/oauth2/jwks`)).json()) as Jwks;
    return keys.map(({ kid }) => kid);
  };

  it('by the command fails no request under load: a key is published before it signs, and kept afterwards', async () => {
    const before = await published();
    const person = await provider.createPerson();
    const client = await provider.createClient();
    const held = await signIn(provider, client, person);
    const first = await post<Tokens>(provider, 'token', service, { grant_type: 'client_credentials' });

    // Every token's key must be in the JWKS published before the token was issued.
    const statuses = new Set<number>();
    const unpublished: string[] = [];
    const signedBy = new Set<string>();
    const load = new AbortController();
    const loadUp = async () => {
      while (!load.signal.aborted) {
        const known = await published();
        const { status, body } = await post<Tokens>(provider, 'token', service, {
          grant_type: 'client_credentials',
        });
        statuses.add(status);
        const kid = decodeProtectedHeader(body.access_token).kid ?? '';
        signedBy.add(kid);
        if (!known.includes(kid)) unpublished.push(kid);
      }
    };
    const workers = [loadUp(), loadUp(), loadUp()];
    const { code, stdout } = await runCli(['key', 'rotate', '--json'], { env: provider.postern.env });
    expect(code).toBe(0);
    expect(() => JSON.parse(stdout) as unknown).not.toThrow();
    const deadline = Date.now() + 20_000;
    while (signedBy.size < 2 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50));
    load.abort();
    await Promise.all(workers);

    expect([...statuses]).toEqual([200]);
    expect(unpublished).toEqual([]);
    expect(signedBy.size).toBe(2);
    const after = await published();
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after).toHaveLength(2 * before.length);
    // What was signed before is still valid.
    expect(await introspect(provider, service, first.body.access_token)).toMatchObject({
      body: { active: true },
    });
    expect(await userinfo(provider, held.access_token)).toMatchObject({ status: 200 });
    const refreshed = await refresh(provider, client, held.refresh_token);
    expect(refreshed.status).toBe(200);
    expect(before).not.toContain(decodeProtectedHeader(refreshed.body.id_token).kid);
    const listed = await runCli(['key', 'list', '--json'], { env: provider.postern.env });
    expect(listed.stdout).toContain('retiring');
  });

  it('keeps the public part of a retired key for ID tokens used as hints', async () => {
    const [person, client, brief] = await Promise.all([
      provider.createPerson(),
      provider.createClient(),
      provider.createClient({ id_token_ttl: 1 }),
    ]);
    const agent = new UserAgent(provider.url);
    const { id_token: expired } = await signIn(provider, brief, person, { agent });
    const { id_token: lasting } = await signIn(provider, client, person, { agent });
    const kid = decodeProtectedHeader(expired).kid ?? '';
    await runCli(['key', 'rotate', '--json'], { env: provider.postern.env });
    await time.advance(2);
    /** Backdates the expiry of its last token by `age`. @returns what is left of the key. */
    const retire = async (age: string) => {
      const values = [kid, age];
      await provider.sql('update signing_keys set expires_at = now() - $2::interval where kid = $1', values);
      await provider.operator.keyRing.maintain(systemActor);
      await provider.sql("select pg_notify('postern', 'keys:')");
      return provider.sql('select private_jwk from signing_keys where kid = $1', [kid]);
    };
    const logout = async (hint: string, by = new UserAgent(provider.url)) =>
      (await by.open(`/oauth2/logout?${form({ id_token_hint: hint }).toString()}`)).status;

    expect(await retire('1 hour')).toEqual([{ private_jwk: null }]);
    while ((await published()).includes(kid)) await sleep(20);
    // Nothing signed by it is valid any more, so this could be a forgery.
    expect(await logout(lasting)).toBe(400);
    expect(await logout(`${expired.slice(0, -8)}AAAAAAAA`)).toBe(400);
    expect((await agent.open('/')).html).toContain(person.email);
    expect(await logout(expired, agent)).toBe(200);
    expect((await agent.open('/')).html).not.toContain(person.email);

    expect(await retire('91 days')).toEqual([]);
    while ((await logout(expired)) !== 400) await sleep(20);
  });
});
