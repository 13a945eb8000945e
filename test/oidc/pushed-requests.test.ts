import { beforeAll, describe, expect, it } from '@jest/globals';
import { startPostern } from '../support/postern.ts';
import { answer, atOnce, authorizationUrl, post } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

describe.each(STORES)('a pushed request on two nodes with %s', (stores) => {
  let provider: Provider;
  let nodes: string[];
  let client: Client;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider({ stores });
    const { env, url } = provider.postern;
    const { PORT: _port, ...shared } = env;
    const other = await startPostern({ env: shared });
    nodes = [url, `http://localhost:${other.port}`];
    client = await provider.createClient();
    person = await provider.createPerson();
  });

  it('is answered once, however many come back with it at a time', async () => {
    const agent = new UserAgent(provider.url);
    await answer(agent, await agent.open(authorizationUrl(provider, client, { scope: 'openid' })), person);
    const parameters = Object.fromEntries(
      new URL(authorizationUrl(provider, client, { scope: 'openid' })).searchParams,
    );
    const pushed = await post<{ request_uri: string }>(provider, 'par', client, parameters);
    const query = new URLSearchParams({
      client_id: client.id,
      request_uri: pushed.body.request_uri,
    }).toString();
    const cookie = agent.cookies('/oauth2/authorize');
    const locations = await atOnce(20, async (index) => {
      const reply = await fetch(`${nodes[index % 2]}/oauth2/authorize?${query}`, {
        headers: { cookie },
        redirect: 'manual',
      });
      expect([303, 400]).toContain(reply.status);
      return new URL(reply.headers.get('location') ?? 'https://app.example.test/').searchParams;
    });
    expect(locations.filter((answered) => answered.has('code'))).toHaveLength(1);
    const errors = locations.flatMap((answered) => answered.get('error') ?? []);
    expect(new Set(errors)).toEqual(new Set(['invalid_request_uri']));
  });
});
