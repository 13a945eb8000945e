import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { runCli } from '../support/postern.ts';
import { introspect, post, refresh, signIn, type Tokens, userinfo } from './support/flow.ts';
import { type Client, type Provider, startProvider } from './support/provider.ts';

interface Jwks {
  keys: { kid: string; alg: string }[];
}

/** Seconds between publication and the first signature. */
const LEAD = 2;

describe('the rotation of signing keys', () => {
  let provider: Provider;
  let service: Client;
  beforeAll(async () => {
    provider = await startProvider({ settings: { keys: { lead: LEAD } } });
    service = await provider.createClient({ grant_types: ['client_credentials'] });
  });

  const published = async (): Promise<string[]> => {
    const { keys } = (await (await fetch(`${provider.url}/oauth2/jwks`)).json()) as Jwks;
    return keys.map(({ kid }) => kid);
  };

  it('by the command, under load, fails no request: a key is published before it signs and kept after', async () => {
    const before = await published();
    const person = await provider.createPerson();
    const client = await provider.createClient();
    const held = await signIn(provider, client, person);
    const first = await post<Tokens>(provider, 'token', service, { grant_type: 'client_credentials' });

    // Every token's key must be in the JWKS as it was published before the token came.
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
    // What was signed before is as good as ever.
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
});
