import { execFile as run } from 'node:child_process';
import { readdir, readFile, stat, symlink } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SIGNING_ALGS } from '../../src/core/tokens.ts';
import { findCluster } from '../../src/storage/postgres/embedded-cluster.ts';
import { findPostmaster } from '../../src/storage/postgres/embedded-postmaster.ts';
import { provided, temporaryFolder } from '../support/cleanup.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { json, ownToken } from './support/commands.ts';
import { until } from '../support/until.ts';

interface Created {
  client_id: string;
  client_secret: string;
}

const execFile = promisify(run);
const ROOT = path.resolve(import.meta.dirname, '../..');

const PASSWORD = /Password +(\S{4}(?:-\S{4}){4}) /;

describe('a server started with only a folder', () => {
  let postern: Postern;
  beforeAll(async () => {
    postern = await startPostern();
  });

  const kids = async (): Promise<string[]> => {
    const response = await fetch(`${postern.url}/oauth2/jwks`);
    const { keys } = (await response.json()) as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  };

  it('prints in a few lines what to open next, and the first administrator once', async () => {
    await until(() => postern.output().includes('Ctrl-C'));
    const [steps = '', banner = ''] = postern.output().split(/^(?=Postern is ready)/m);
    expect(banner).toContain(`is ready at ${postern.url}\n`);
    expect(banner).toContain(`${postern.url}/.well-known/openid-configuration`);
    expect(banner).toContain('admin@postern.localhost');
    expect(banner).toMatch(PASSWORD);
    expect(banner.split('\n').length).toBeLessThan(17);
    // No log lines among those for people.
    expect(postern.output()).not.toContain('{');
    expect(steps).toMatch(
      new RegExp(
        [
          `^Setting up PostgreSQL in ${postern.env['DATA_DIR']} \\.\\.\\.`,
          'Starting PostgreSQL \\.\\.\\.',
          'Migrating the database \\(\\d+ steps\\) \\.\\.\\.',
          'Creating the signing keys \\.\\.\\.',
          `Starting to listen on port ${postern.port} \\.\\.\\.\n$`,
        ].join('\n'),
      ),
    );
  });

  it('keeps its key file readable for the owner alone', async () => {
    const { mode } = await stat(path.join(postern.env['DATA_DIR'] ?? '', 'secrets.key'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('refuses a second start on the same folder, naming the first', async () => {
    const { code, stderr } = await runCli(['serve'], { env: { ...postern.env, PORT: '1' } });
    expect(code).toBe(1);
    expect(stderr).toContain('already running');
    expect(stderr).toContain(postern.env['DATA_DIR']);
    expect(stderr).toContain(postern.url);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect((await fetch(`${postern.url}/readyz`)).status).toBe(200);
  });

  it('is managed from any folder, and a command creates no database by accident', async () => {
    const cwd = await temporaryFolder();
    const list = async (variables: Record<string, string>) => {
      const { PATH, HOME } = process.env;
      const env = { PATH, HOME, NODE_ENV: 'test', ...variables };
      const args = ['exec', '--offline', '--prefix', ROOT, 'postern', '--', 'user', 'list', '--json'];
      return (await execFile('npm', args, { cwd, env })).stdout;
    };
    await expect(list({})).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^\{"error":.*No server was started in this folder.*Set DATA_DIR/),
    });
    expect(await readdir(cwd)).toEqual([]);
    const dataDir = postern.env['DATA_DIR'] ?? '';
    const users = await list({ DATA_DIR: dataDir });
    expect(users).toContain('admin@postern.localhost');
    // In the folder of a started server nothing has to be set.
    await symlink(dataDir, path.join(cwd, '.data'));
    expect(await list({})).toBe(users);
  });

  it('loses nothing in a restart', async () => {
    const { env } = postern;
    const client = await json<Created>(
      ['client', 'create', '--name', 'Reports', '--grant', 'client_credentials'],
      { env },
    );
    const user = await json(
      [
        'user',
        'create',
        '--username',
        'ada',
        '--email',
        'ada@example.test',
        '--password',
        'three unrelated words',
      ],
      { env },
    );
    const before = await kids();
    expect((await ownToken(postern.url, client)).status).toBe(200);

    await expect(postern.stop('SIGINT')).resolves.toEqual({ code: 0, signal: null });
    const cluster = await findCluster(env['DATA_DIR'] ?? '');
    await expect(findPostmaster(cluster!)).resolves.toBeNull();

    postern = await startPostern({ env });
    await until(() => postern.output().includes('Ctrl-C'));
    expect(postern.output()).not.toMatch(/Password/);
    await expect(kids()).resolves.toEqual(before);
    expect((await ownToken(postern.url, client)).status).toBe(200);
    const { users } = await json<{ users: unknown[] }>(['user', 'list'], { env });
    expect(users).toHaveLength(2);
    expect(users).toContainEqual(user);
  });

  it('moves to another PostgreSQL with all its data', async () => {
    const { env } = postern;
    const password = 'three unrelated words';
    const client = await json<Created>(
      ['client', 'create', '--name', 'Moved', '--grant', 'client_credentials'],
      {
        env,
      },
    );
    const name = 'Bob "\\N" \\t ö';
    const account = [
      '--username',
      'bob',
      '--email',
      'bob@example.test',
      '--password',
      password,
      '--name',
      name,
    ];
    const user = await json(['user', 'create', ...account], { env });
    const file = path.join(await temporaryFolder(), 'postern.sql');
    // Dump beside the running server.
    const written = await runCli(['dump', '--file', file], { env });
    const keyFile = path.join(env['DATA_DIR'] ?? '', 'secrets.key');
    expect(written).toMatchObject({ code: 0, stdout: expect.stringContaining(keyFile) });
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const { url: databaseUrl } = await createDatabase({ template: 'template1' });
    const psql = await provided('psql');
    const load = () => execFile(psql, ['--quiet', `--file=${file}`, databaseUrl]);
    await load();
    // Loading into a database that is not empty changes nothing.
    await expect(load()).rejects.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('already exists'),
    });

    const key = await readFile(keyFile, 'utf8');
    const moved = await startPostern({ databaseUrl, env: { SECRETS_KEY: key } });
    expect((await ownToken(moved.url, client)).status).toBe(200);
    const { users } = await json<{ users: unknown[] }>(['user', 'list'], { env: moved.env });
    expect(users).toContainEqual(user);
    const login = await fetch(`${moved.url}/contracts/gateway/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'bob', password }),
    });
    expect(login.status).toBe(200);
    const published = (await (await fetch(`${moved.url}/oauth2/jwks`)).json()) as { keys: { kid: string }[] };
    expect(published.keys.map(({ kid }) => kid)).toEqual(await kids());
    // The next account gets the next number.
    const next = await json<{ number: number }>(
      ['user', 'create', '--email', 'next@example.test', '--password', password],
      { env: moved.env },
    );
    expect(next.number).toBe((user['number'] as number) + 1);
  });

  it('dumps the same to standard output as to a file, and never leaves half a file', async () => {
    const { env } = postern;
    const folder = await temporaryFolder();
    const file = path.join(folder, 'postern.sql');
    await runCli(['dump', '--file', file], { env });
    const printed = await runCli(['dump'], { env });
    const rows = (sql: string) =>
      sql.replaceAll(/^--.*\n/gm, '').replaceAll(/^copy counters.*?^\\\.$/gms, '');
    expect(rows(printed.stdout)).toBe(rows(await readFile(file, 'utf8')));
    const failed = await runCli(['dump', '--file', path.join(folder, 'none', 'x.sql')], { env });
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^postern: Cannot write .*ENOENT/),
    });
    expect(await runCli(['dump', '--json'], { env })).toMatchObject({ code: 2 });
    expect(await readdir(folder)).toEqual(['postern.sql']);
  });

  it('refuses a port that is taken, and leaves no PostgreSQL behind', async () => {
    await postern.stop();
    const other = createServer().listen(postern.port);
    await once(other, 'listening');
    try {
      const { code, stderr } = await runCli(['serve'], { env: postern.env });
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: `postern: PORT ${postern.port} is in use by another program. Set PORT to another one, or stop that program.\n`,
      });
      const cluster = await findCluster(postern.env['DATA_DIR'] ?? '');
      await expect(findPostmaster(cluster!)).resolves.toBeNull();
    } finally {
      other.close();
    }
  });

  it('is not needed for commands, which start PostgreSQL themselves', async () => {
    const { keys } = await json<{ keys: { state: string }[] }>(['key', 'list'], { env: postern.env });
    expect(keys.map(({ state }) => state)).toEqual(SIGNING_ALGS.map(() => 'signing'));
  });

  it('exits at once on a second signal, unless it echoes the first', async () => {
    postern = await startPostern({ env: postern.env });
    // An unfinished request keeps the server draining.
    const socket = new Socket();
    socket.on('error', () => undefined).connect(postern.port, '127.0.0.1');
    const headers = ['Host: localhost', 'Content-Length: 10', 'Expect: 100-continue'].join('\r\n');
    socket.write(`POST /oauth2/token HTTP/1.1\r\n${headers}\r\n\r\n`);
    const [interim] = (await once(socket, 'data')) as [Buffer];
    expect(interim.toString()).toContain('100 Continue');
    postern.child.kill('SIGTERM');
    await until(() =>
      fetch(`${postern.url}/livez`).then(
        () => false,
        () => true,
      ),
    );
    postern.child.kill('SIGTERM');
    // An echo arrives within a second.
    await sleep(1_200);
    expect(postern.child.exitCode).toBeNull();
    await expect(postern.stop('SIGTERM')).resolves.toEqual({ code: 1, signal: null });
    socket.destroy();
  });
});
