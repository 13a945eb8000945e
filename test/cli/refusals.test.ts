import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/cleanup.ts';
import { runCli } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { execute } from '../support/postgres-server.ts';
import { failing, json } from './support/commands.ts';

describe('a server that cannot start says why and what to do:', () => {
  it.each([
    ['the environment', { env: { PORT: 'eighty', DATABASE_URL: 'mysql://here' } }, ['PORT', 'DATABASE_URL']],
    [
      'the settings',
      { settings: { tokens: { accessToken: -1, idToken: 'x' }, brand: { colour: 'red' } } },
      ['tokens.accessToken', 'tokens.idToken', 'brand.colour'],
    ],
  ])('names every mistake in %s at once', async (_where, options, names) => {
    const { code, stderr } = await runCli(['serve'], options);
    expect(code).toBe(1);
    for (const name of names) expect(stderr).toContain(`  ${name}: `);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([
    [
      'a placeholder as a secret',
      { SECRETS_KEY: 'changeme-changeme-changeme-changeme' },
      'SECRETS_KEY: is a placeholder',
    ],
    [
      'a public URL without TLS',
      { PUBLIC_URL: 'http://login.example.com' },
      'PUBLIC_URL: must be an https:// URL',
    ],
  ])('refuses %s in production', async (_what, env, message) => {
    const { code, stderr } = await runCli(['serve'], {
      databaseUrl: 'postgres://nobody@127.0.0.1:1/none',
      env: { NODE_ENV: 'production', PUBLIC_URL: 'https://login.example.com', ...env },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  it('refuses to trust every address as a proxy in production', async () => {
    const { code, stderr } = await runCli(['serve'], {
      databaseUrl: 'postgres://nobody@127.0.0.1:1/none',
      settings: { http: { trustedProxies: ['0.0.0.0/1', '128.0.0.0/1'] } },
      env: { NODE_ENV: 'production', PUBLIC_URL: 'https://login.example.com' },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('http.trustedProxies: trusts every address');
  });

  it('refuses a SECRETS_KEY that did not encrypt the keys, also for a rotation', async () => {
    const { url: databaseUrl } = await createDatabase();
    await json(['client', 'create', '--name', 'First', '--grant', 'client_credentials'], { databaseUrl });
    const other = { databaseUrl, env: { SECRETS_KEY: 'another-key-of-more-than-32-characters' } };
    const { keys } = await json<{ keys: unknown[] }>(['key', 'list'], { databaseUrl });
    for (const args of [['serve'], ['key', 'rotate']]) {
      const { code, stderr } = await failing(args, other);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^postern: SECRETS_KEY is not the one/);
    }
    await expect(json(['key', 'list'], { databaseUrl })).resolves.toEqual({ keys });
  });

  it('refuses the database of a newer version and leaves it unchanged', async () => {
    const { url: databaseUrl } = await createDatabase();
    await execute(databaseUrl, "insert into migrations (name) values ('9999-from-the-future')");
    for (const args of [['serve'], ['migrate'], ['user', 'list']]) {
      const { code, stderr } = await failing(args, { databaseUrl });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^postern: The database belongs to a newer version.*9999-from-the-future/);
    }
  });

  it('names an unreachable database', async () => {
    const { code, stderr, stdout } = await failing(['serve'], {
      databaseUrl: 'postgres://postern:hidden@127.0.0.1:1/none',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^postern: Cannot connect to PostgreSQL at 127\.0\.0\.1:1\/none/);
    expect(stderr + stdout).not.toContain('hidden');
  });

  it('refuses a first administrator whose password is weak', async () => {
    const { url: databaseUrl } = await createDatabase();
    const env = { ADMIN_EMAIL: 'root@example.test', ADMIN_PASSWORD: 'password1' };
    const { code, stderr } = await failing(['serve'], { databaseUrl, env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^postern: ADMIN_PASSWORD: .*\(common\)/);
  });

  it('refuses a file as DATA_DIR', async () => {
    const file = path.join(await temporaryFolder(), 'file');
    await writeFile(file, 'precious');
    const { code, stderr } = await failing(['serve'], { env: { DATA_DIR: file } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^postern: DATA_DIR .* is not a folder/);
  });

  it('leaves the schema of an external database alone unless told to migrate', async () => {
    const { url: databaseUrl } = await createDatabase({ template: 'template1' });
    const { code, stderr } = await failing(['user', 'list'], { databaseUrl });
    expect(code).toBe(1);
    expect(stderr).toContain('Run: postern migrate');
    const { applied } = await json<{ applied: string[] }>(['migrate'], { databaseUrl });
    expect(applied[0]).toBe('0001-foundation');
    await expect(json(['migrate'], { databaseUrl })).resolves.toEqual({ applied: [] });
  });
});
