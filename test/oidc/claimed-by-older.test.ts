import { expect, it } from '@jest/globals';
import { atOnce, authorize, exchange, signIn, userinfo } from './support/flow.ts';
import { startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

it('a code sent twice within a second to an older node and a new one keeps its tokens', async () => {
  const provider = await startProvider({ stores: 'PostgreSQL' });
  const [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
  const agent = new UserAgent(provider.url);
  await signIn(provider, client, person, { agent });
  // Versions before claimed_from claim without it.
  await provider.sql(`create function forget() returns trigger language plpgsql
    as 'begin new.claimed_from = null; return new; end'`);
  await provider.sql(
    'create trigger forget before update on oidc_records for each row execute function forget()',
  );
  const code = (await authorize(provider, agent, client, person)).get('code') ?? '';
  const replies = await atOnce(5, () => exchange(provider, client, code));
  const good = replies.filter(({ status }) => status === 200);
  expect(good).toHaveLength(1);
  expect(await userinfo(provider, good[0]?.body.access_token ?? '')).toMatchObject({ status: 200 });
  // Somebody else's attempt still ends them.
  expect(await exchange(provider, client, code, { code_verifier: 'x'.repeat(43) })).toMatchObject({
    status: 400,
  });
  expect(await userinfo(provider, good[0]?.body.access_token ?? '')).toMatchObject({ status: 401 });
});
