import { copyFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { createLogger } from '../../src/core/logger.ts';
import { migrate, MIGRATIONS } from '../../src/storage/postgres/migrator.ts';
import { startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { execute } from '../support/postgres-server.ts';
import { signInAt } from './support/operators.ts';

const PASSWORD = 'three unrelated words';

/**
 * A database from the version that had only `admin`: one suspended administrator, two active ones and
 * another person.
 */
async function createOldDatabase(): Promise<string> {
  const { url } = await createDatabase({ template: 'template1' });
  const folder = await temporaryFolder();
  for (const file of readdirSync(MIGRATIONS))
    if (file.endsWith('.sql') && file < '0080')
      copyFileSync(path.join(MIGRATIONS, file), path.join(folder, file));
  await migrate(url, createLogger('silent'), folder);
  await execute(
    url,
    `insert into users (id, username, username_key, email, email_key, email_verified_at, owner_proven_at, roles, status, created_at)
      select gen_random_uuid(), name, name, name || '@example.test', name || '@example.test', now(), now(), roles, status,
        now() - days * interval '1 day'
      from (values ('gone', '{user,admin}'::text[], 'suspended', 4), ('first', '{user,admin}', 'active', 3),
        ('second', '{user,admin}', 'active', 2), ('person', '{user}', 'active', 5)) as old (name, roles, status, days)`,
  );
  return url;
}

it('after an upgrade the first administrator is owner, and the others administer contracts only and are listed', async () => {
  const provider = await startProvider({ databaseUrl: await createOldDatabase(), stores: 'PostgreSQL' });
  const people = await provider.sql('select id, username, roles from users order by created_at');
  expect(people.map(({ username, roles }) => [username, roles])).toEqual([
    ['person', ['user']],
    ['gone', ['user', 'admin']],
    ['first', ['user', 'admin', 'owner']],
    ['second', ['user', 'admin']],
  ]);
  const idOf = (name: string) => String(people.find(({ username }) => username === name)?.['id']);
  const enter = async (name: string) => {
    await provider.operator.accounts.setPassword(idOf(name), PASSWORD, systemActor);
    const agent = new UserAgent(provider.url);
    const person = { id: idOf(name), username: name, email: `${name}@example.test`, password: PASSWORD };
    return { agent, page: await signInAt(provider, person, '/admin', agent) };
  };

  const { agent, page } = await enter('first');
  // The suspended administrator is included: reactivation would restore the role.
  expect(page.html).toContain('2 accounts have the role admin');
  const listed = await agent.open(`${provider.url}/admin/users?role=admin`);
  for (const name of ['first', 'second', 'gone']) expect(listed.html).toContain(`${name}@example.test`);
  expect(listed.html).not.toContain('person@example.test');

  expect((await enter('second')).page.status).toBe(403);
  const roleAt = async (username: string) => {
    const reply = await fetch(`${provider.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password: PASSWORD }),
    });
    return ((await reply.json()) as { role: string }).role;
  };
  await provider.operator.accounts.setPassword(idOf('person'), PASSWORD, systemActor);
  expect([await roleAt('first'), await roleAt('second'), await roleAt('person')]).toEqual([
    'ROLE_ADMIN',
    'ROLE_ADMIN',
    'ROLE_USER',
  ]);
});
