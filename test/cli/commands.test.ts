import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { temporaryFolder } from '../support/cleanup.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { execute } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';
import { failing, json, ownToken } from './support/commands.ts';

interface User {
  id: string;
  number: number;
  username: string | null;
  email: string;
  roles: string[];
  status: string;
}

const PASSWORD = 'three unrelated words';

describe('commands beside a running server', () => {
  let databaseUrl: string;
  let postern: Postern;
  beforeAll(async () => {
    ({ url: databaseUrl } = await createDatabase());
    // At least the length required of a username.
    await execute(databaseUrl, 'alter table users alter column number restart with 100');
    postern = await startPostern({ databaseUrl });
  });

  const run = <T = Record<string, unknown>>(...args: string[]) => json<T>(args, { env: postern.env });
  const refused = (...args: string[]) => failing(args, { env: postern.env });
  const names = (username: string) => ['--username', username, '--email', `${username}@example.test`];

  it('create an account and print what scripts need', async () => {
    const user = await run('user', 'create', ...names('grace'), '--password', PASSWORD, '--role', 'admin');
    expect(user).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      number: expect.any(Number),
      username: 'grace',
      email: 'grace@example.test',
      email_verified: false,
      name: null,
      roles: ['user', 'admin'],
      status: 'active',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      last_login_at: null,
    });
  });

  it('read a password from standard input', async () => {
    const command = path.resolve(import.meta.dirname, '../../bin/postern.js');
    const args = ['user', 'create', '--email', 'stdin@example.test', '--password-stdin', '--json'];
    const child = spawn(process.execPath, [command, ...args], {
      env: postern.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stdin.end(`${PASSWORD}\n`);
    await expect(once(child, 'close')).resolves.toEqual([0, null]);
    expect(JSON.parse(stdout)).toMatchObject({ email: 'stdin@example.test', username: null });
  });

  it('find an account by its id, number, email address and username', async () => {
    const user = await run<User>('user', 'create', ...names('lin'), '--password', PASSWORD);
    for (const name of [user.id, String(user.number), 'LIN@example.test', 'Lin']) {
      await expect(run('user', 'suspend', name)).resolves.toMatchObject({ id: user.id, status: 'suspended' });
      await expect(run('user', 'reactivate', name)).resolves.toMatchObject({ id: user.id, status: 'active' });
    }
    await run('user', 'delete', 'lin', '--yes');
    const { code, stdout, stderr } = await refused('user', 'delete', 'lin', '--yes');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'postern: User not found\n' });
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'user_not_found', message: 'User not found' } });
  });

  it('refuse to delete if a name fits two accounts', async () => {
    const one = await run<User>('user', 'create', ...names('first'), '--password', PASSWORD);
    await run(
      'user',
      'create',
      '--username',
      String(one.number),
      '--email',
      'n@example.test',
      '--password',
      PASSWORD,
    );
    const { code, stderr } = await refused('user', 'delete', String(one.number), '--yes');
    expect(code).toBe(2);
    expect(stderr).toContain('matches 2 accounts');
  });

  it('list accounts page by page', async () => {
    const { users } = await run<{ users: User[] }>('user', 'list');
    const first = await run<{ users: User[] }>('user', 'list', '--limit', '1');
    expect(first.users).toEqual(users.slice(0, 1));
    const rest = await run<{ users: User[] }>('user', 'list', '--after', first.users[0]!.id);
    expect(rest.users).toEqual(users.slice(1));
  });

  it.each([
    ['user create --email nobody --password abcdefgh12', 1, 'invalid_email'],
    ['user create --email a@example.test --password short', 1, 'weak_password'],
    ['user create --email grace@example.test --password abcdefgh1234x', 1, 'email_taken'],
    ['user create --email a@example.test', 2, 'usage'],
    ['client create --name X', 2, 'usage'],
    ['client create --name X --grant none --redirect-uri https://a.example/', 1, 'invalid_client_metadata'],
    [
      'client create --name X --grant ciba --notification-endpoint http://a.example/',
      1,
      'invalid_client_metadata',
    ],
    ['client create --name X --redirect-uri javascript:alert(1)', 1, 'invalid_client_metadata'],
    ['client delete no-such-client', 1, 'client_not_found'],
    ['api delete https://no.example', 1, 'api_not_found'],
    ['api create --identifier nothing --name X', 1, 'invalid_request'],
    ['api create --identifier https://a.example --name X --scope email', 1, 'invalid_request'],
  ])('%s fails with status %i and the code %s', async (line, status, error) => {
    const { code, stdout, stderr } = await refused(...line.split(' '));
    expect(code).toBe(status);
    expect(JSON.parse(stdout)).toEqual({ error: { code: error, message: expect.any(String) } });
    expect(stderr).toMatch(/^postern: .+\n$/);
  });

  it.each([
    'user create',
    'user',
    'nonsense',
    'key list --nonsense',
    'api create --identifier https://a --name A --ttl x',
    'client create --name X --require-pkce --no-pkce --redirect-uri https://a.example/',
  ])('%s is a usage error, status 2', async (line) => {
    const { code, stdout, stderr } = await runCli(line.split(' '), { env: postern.env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
    const asked = await failing(line.split(' '), { env: postern.env });
    expect(asked.code).toBe(2);
    expect(JSON.parse(asked.stdout)).toEqual({
      error: { code: 'usage', message: expect.stringMatching(/^\w/) },
    });
    expect(asked.stderr).not.toBe('');
  });

  it('register a service account that works at once', async () => {
    const client = await run<{ client_id: string; client_secret: string }>(
      'client',
      'create',
      '--name',
      'Service',
      '--grant',
      'client_credentials',
    );
    expect(client).toMatchObject({
      name: 'Service',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    expect((await ownToken(postern.url, client)).status).toBe(200);
    await run('client', 'delete', client.client_id);
    // The server is notified, which may take a moment.
    await until(async () => (await ownToken(postern.url, client)).status === 401);
    expect((await ownToken(postern.url, client)).body).toMatchObject({ error: 'invalid_client' });
  });

  it.each([
    ['a web app in development', ['--redirect-uri', 'http://localhost:3000/callback']],
    ['an SPA in development', ['--public', '--redirect-uri', 'http://127.0.0.1:5173/']],
    ['a web app', ['--redirect-uri', 'https://app.example/callback']],
    ['a desktop app', ['--public', '--redirect-uri', 'http://127.0.0.1/callback']],
    ['a mobile app', ['--public', '--redirect-uri', 'com.example.app:/callback']],
  ])('register %s', async (name, options) => {
    const grants = ['--grant', 'authorization_code', '--grant', 'refresh_token'];
    const client = await run('client', 'create', '--name', name, ...options, ...grants);
    const isPublic = options.includes('--public');
    expect(client).toMatchObject({
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [options.at(-1)],
      token_endpoint_auth_method: isPublic ? 'none' : 'client_secret_basic',
      client_secret: isPublic ? null : expect.any(String),
    });
  });

  it.each([
    [
      'a television',
      ['--public', '--grant', 'device-code'],
      ['urn:ietf:params:oauth:grant-type:device_code'],
    ],
    ['a cash desk', ['--grant', 'ciba'], ['urn:openid:params:grant-type:ciba']],
    [
      'a call centre',
      ['--grant', 'ciba', '--notification-endpoint', 'https://calls.example/ping'],
      ['urn:openid:params:grant-type:ciba'],
    ],
  ])('register %s', async (name, options, grants) => {
    const client = await run('client', 'create', '--name', name, ...options);
    expect(client).toMatchObject({ grant_types: grants, redirect_uris: [] });
  });

  it('register an API that gets tokens at once', async () => {
    const api = { identifier: 'https://orders.example', name: 'Orders' };
    const args = ['--identifier', api.identifier, '--name', api.name, '--scope', 'read', '--ttl', '600'];
    await expect(run('api', 'create', ...args)).resolves.toEqual({
      ...api,
      scopes: ['read'],
      access_token_format: 'jwt',
      access_token_ttl: 600,
      signing_alg: 'ES256',
      token_type_header: 'at+jwt',
      enforce_roles: false,
    });
    await expect(run('api', 'create', ...args, '--token-type-header', 'jwt')).resolves.toMatchObject({
      token_type_header: 'jwt',
    });
    await expect(run('api', 'list')).resolves.toMatchObject({ apis: [{ ...api, token_type_header: 'jwt' }] });
    await expect(run('api', 'update', api.identifier, '--enforce-roles', '--no-ttl')).resolves.toMatchObject({
      ...api,
      scopes: ['read'],
      token_type_header: 'jwt',
      access_token_ttl: null,
      enforce_roles: true,
    });
    await run('api', 'delete', api.identifier);
    await expect(run('api', 'list')).resolves.toEqual({ apis: [], next_cursor: null });
  });

  it('rotate keys: the new ones are published, but don’t sign yet', async () => {
    const { keys: next } = await run<{ keys: { kid: string }[] }>('key', 'rotate');
    const { keys } = await run<{ keys: { kid: string; state: string }[] }>('key', 'list');
    const fresh = keys.filter(({ kid }) => next.some((key) => key.kid === kid));
    expect(fresh.map(({ state }) => state)).toEqual(Array(4).fill('published'));
    expect(keys.filter(({ state }) => state === 'signing')).toHaveLength(4);
  });

  it('are audited with the name of their user', async () => {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    const { rows } = await client.query(
      "select distinct actor_kind, door, actor_id is not null as named from audit_events where door = 'cli'",
    );
    await client.end();
    expect(rows).toEqual([{ actor_kind: 'operator', door: 'cli', named: true }]);
  });

  it('load few modules, and no package that only the server needs', async () => {
    /** The modules that a command loads, each with its package; Postern's own have none. */
    const loads = async (...args: string[]) => {
      const file = path.join(await temporaryFolder(), 'loads');
      const preload = path.resolve(import.meta.dirname, '../support/loads-preload.ts');
      const env = { ...postern.env, NODE_OPTIONS: `--import ${preload}`, LOADS_FILE: file };
      expect(await runCli(args, { env })).toMatchObject({ code: 0, stderr: '' });
      const urls = (await readFile(file, 'utf8'))
        .split('\n')
        .filter((url) => url !== pathToFileURL(preload).href);
      const packages = urls.map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]);
      return {
        count: urls.length,
        packages: [...new Set(packages)].filter((name) => name !== undefined).sort(),
      };
    };
    // The options of `client` come from its metadata schema.
    expect((await loads('--help')).packages).toEqual(['commander', 'zod']);
    const { count, packages } = await loads('user', 'list');
    // Each takes a third of a millisecond of CPU. Load what a command may not need when it does.
    expect(count).toBeLessThanOrEqual(605);
    expect(packages).toContain('pg');
    const server =
      /^(oidc-provider|koa|@koa|jose|ioredis|rate-limiter|prom-client|ejs|nodemailer|@node-rs|otplib|pino)/;
    expect(packages.filter((name) => server.test(name))).toEqual([]);
  });

  it('print tables without --json', async () => {
    const { code, stdout } = await runCli(['user', 'list'], { env: postern.env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^number +username +email +roles +status +id\n/);
  });
});
