import { expect, it } from '@jest/globals';
import { PAGES } from '../account/support/pages.ts';
import { exchange, authorize, introspect, post, refresh, signIn, userinfo } from '../oidc/support/flow.ts';
import { startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { createDatabase } from '../support/postgres.ts';
import { execute } from '../support/postgres-server.ts';

/** Tables that operators fill by hand. They are read completely and kept in memory. */
const SMALL = new Set([
  'apis',
  'attribute_schemas',
  'branding',
  'contract_states',
  'expansions',
  'migrations',
  'roles',
  'runtime_settings',
  'signing_keys',
  'upstreams',
  'webhooks',
]);

it('no request reads a large table completely', async () => {
  const { url } = await createDatabase();
  // Use an index wherever possible, however small the table.
  await execute(url, `alter database ${new URL(url).pathname.slice(1)} set enable_seqscan = off`);
  const provider = await startProvider({ databaseUrl: url, stores: 'PostgreSQL' });
  const scans = async () =>
    new Map(
      (await provider.sql('select relname, seq_scan::int as scans from pg_stat_user_tables')).map((row) => [
        String(row['relname']),
        Number(row['scans']),
      ]),
    );
  const before = await scans();

  const client = await provider.createClient();
  const person = await provider.createPerson();
  const agent = new UserAgent(provider.url);
  const tokens = await signIn(provider, client, person, {
    agent,
    parameters: { scope: 'openid profile email offline_access', prompt: 'consent' },
  });
  const code = (await authorize(provider, agent, client, person)).get('code') ?? '';
  await exchange(provider, client, code);
  await exchange(provider, client, code);
  const { body } = await refresh(provider, client, tokens.refresh_token);
  await introspect(provider, client, body.access_token);
  await userinfo(provider, body.access_token);
  await post(provider, 'revoke', client, { token: body.refresh_token });
  for (const path of PAGES) await agent.open(`${provider.url}${path}`);

  const call = (path: string, method: string, sent: object, token = '') =>
    fetch(`${provider.url}/api/v1/auth${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'authorization': `Bearer ${token}` },
      body: JSON.stringify(sent),
    });
  const { username, password } = person;
  const reply = await call('/login', 'POST', { username, password });
  const { accessToken, refreshToken } = (await reply.json()) as Record<string, string>;
  await call('/validate', 'POST', { token: accessToken });
  await call('/refresh', 'POST', { refreshToken });
  await call('/login', 'POST', { username, password: 'wrong, all of it' });
  await call('/password-reset', 'POST', { email: person.email });
  await call(
    '/change-password',
    'PUT',
    { currentPassword: password, newPassword: 'four rather unrelated words' },
    accessToken,
  );

  // A connection reports its counts when it ends.
  await provider.postern.stop();
  const after = await scans();
  const read = [...after].filter(([table, count]) => count > (before.get(table) ?? 0) && !SMALL.has(table));
  // The statistics are really counted.
  expect(after.get('signing_keys')).toBeGreaterThan(0);
  expect(read).toEqual([]);
});
