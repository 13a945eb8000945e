import { beforeAll, expect, it } from '@jest/globals';
import { type Postern, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { failing, json } from './support/commands.ts';

let postern: Postern;
beforeAll(async () => {
  postern = await startPostern({ databaseUrl: (await createDatabase()).url });
});

const run = <T = Record<string, unknown>>(...args: string[]) => json<T>(args, { env: postern.env });
const refused = async (...args: string[]) => {
  const { code, stdout } = await failing(args, { env: postern.env });
  return { code, error: (JSON.parse(stdout) as { error: { code: string } }).error.code };
};

it('roles and groups are created, changed, assigned, unassigned and deleted', async () => {
  const api = 'https://orders.example.com';
  await run('api', 'create', '--identifier', api, '--name', 'Orders', '--scope', 'orders:read');
  const made = await run(
    'role',
    'create',
    'helpdesk',
    '--permission',
    'users:read',
    '--scope',
    `${api}=orders:read`,
  );
  expect(made).toMatchObject({
    name: 'helpdesk',
    permissions: ['users:read'],
    scopes: [{ api, scopes: ['orders:read'] }],
    built_in: false,
  });
  expect(await refused('role', 'create', '--name', 'helpdesk')).toEqual({ code: 1, error: 'role_taken' });
  expect(await refused('role', 'create', 'other', '--permission', 'nothing')).toEqual({
    code: 1,
    error: 'invalid_request',
  });
  expect(await run('role', 'update', 'helpdesk', '--description', 'Helps', '--no-scopes')).toMatchObject({
    description: 'Helps',
    permissions: ['users:read'],
    scopes: [],
  });
  const person = await run<{ id: string }>(
    'user',
    'create',
    '--username',
    'grace',
    '--email',
    'grace@example.test',
    '--password',
    'three unrelated words',
  );
  expect(await run('role', 'assign', 'helpdesk', 'grace')).toMatchObject({ roles: ['user', 'helpdesk'] });
  expect(await refused('role', 'delete', 'helpdesk')).toEqual({ code: 1, error: 'in_use' });
  expect(await run('role', 'unassign', 'helpdesk', 'grace@example.test')).toMatchObject({ roles: ['user'] });
  const group = await run<{ id: string }>('group', 'create', 'Help desk', '--role', 'helpdesk');
  await run('group', 'add', 'help desk', 'grace');
  expect(await run('group', 'members', group.id)).toMatchObject({ members: [{ id: person.id }] });
  expect(await run('group', 'update', 'Help desk', '--name', 'Service', '--no-roles')).toMatchObject({
    roles: [],
  });
  expect(await run('group', 'list')).toMatchObject({ groups: [{ id: group.id, name: 'Service' }] });
  await run('group', 'remove', 'service', person.id);
  expect(await run('group', 'members', 'service')).toMatchObject({ members: [] });
  await run('group', 'delete', 'service');
  expect(await refused('group', 'show', 'service')).toEqual({ code: 1, error: 'group_not_found' });
  await run('role', 'delete', 'helpdesk');
  const { roles } = await run<{ roles: { name: string }[] }>('role', 'list');
  expect(roles.map(({ name }) => name)).toEqual(expect.arrayContaining(['owner', 'user', 'admin']));
  expect(await refused('role', 'update', 'owner', '--description', 'x')).toEqual({
    code: 1,
    error: 'forbidden',
  });
});
