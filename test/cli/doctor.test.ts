import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type PosternOptions, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { atEnd, provided } from '../support/cleanup.ts';
import { execute } from '../support/postgres-server.ts';
import { redisUrl, startRedis } from '../support/redis.ts';

interface Finding {
  name: string;
  status: 'ok' | 'warning' | 'problem';
  message: string;
  todo?: string;
}

async function examine(options: PosternOptions) {
  const { code, stdout } = await runCli(['doctor', '--json'], options);
  const { status, findings } = JSON.parse(stdout) as { status: string; findings: Finding[] };
  const of = (name: string) => findings.find((finding) => finding.name === name);
  return { code, status, findings, of };
}

describe('postern doctor', () => {
  it('finds nothing wrong with a running server', async () => {
    const { url: databaseUrl } = await createDatabase();
    const postern = await startPostern({ databaseUrl, redisUrl: await redisUrl() });
    const { code, status, findings, of } = await examine({ env: postern.env });
    expect({ code, status }).toEqual({ code: 0, status: 'ok' });
    expect(findings.filter((finding) => finding.status !== 'ok')).toEqual([]);
    for (const name of ['configuration', 'postgres', 'clock of postgres', 'migrations', 'signing keys']) {
      expect(of(name)).toBeDefined();
    }
    for (const name of ['redis', 'clock of redis', 'redis eviction', 'mail', 'public URL', 'discovery']) {
      expect(of(name)).toBeDefined();
    }
  });

  it('works before the first start, and creates nothing', async () => {
    const { code, of } = await examine({});
    expect(code).toBe(0);
    expect(of('postgres')?.message).toContain('none yet');
    expect(of('discovery')?.status).toBe('warning');
  });

  it('warns of production without a mail server', async () => {
    const { url: databaseUrl } = await createDatabase();
    const { of } = await examine({
      databaseUrl,
      env: { NODE_ENV: 'production', PUBLIC_URL: 'https://login.example.com' },
    });
    expect(of('mail')).toMatchObject({ status: 'warning', todo: expect.stringContaining('SMTP_URL') });
  });

  it('names the open contracts and what each of them exposes', async () => {
    const { of } = await examine({ env: { CONTRACTS: 'gateway, ppl' } });
    expect(of('contract gateway')?.message).toMatch(/open at .*; 409 at POST \/register tells anybody which/);
    expect(of('contract ppl')?.message).toMatch(/open at .*; 400 at POST \/auth\/register tells anybody/);
    expect(of('contract cookie')).toBeUndefined();
    const { of: inProduction } = await examine({
      databaseUrl: 'postgres://nobody@127.0.0.1:1/none',
      env: { NODE_ENV: 'production', PUBLIC_URL: 'https://login.example.com' },
    });
    expect(inProduction('contracts')?.message).toMatch(
      /none is open; name some in CONTRACTS .*cookie, .*gateway/,
    );
  });

  it('names each mistake in the configuration', async () => {
    const { code, findings } = await examine({ env: { PORT: 'x', REDIS_URL: 'http://x' } });
    expect(code).toBe(1);
    expect(findings.map(({ message }) => message.split(':')[0])).toEqual(['PORT', 'REDIS_URL']);
  });

  it('names a Redis that may evict, and a mail server that does not answer', async () => {
    const redis = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
    const { url: databaseUrl } = await createDatabase();
    const { code, of } = await examine({
      databaseUrl,
      redisUrl: redis.url,
      env: { SMTP_URL: 'smtp://postern:hidden@127.0.0.1:1' },
    });
    expect(code).toBe(1);
    expect(of('redis eviction')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('allkeys-lru'),
    });
    expect(of('mail')).toMatchObject({ status: 'problem', message: expect.stringContaining('ECONNREFUSED') });
    expect(of('mail')?.message).not.toContain('hidden');
  });

  it('accepts a mail server that greets it', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).write('220 mail.test ESMTP\r\n');
      socket.on('data', (line) =>
        socket.write(/^quit/i.test(line.toString()) ? '221 bye\r\n' : '250 mail.test\r\n'),
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { of } = await examine({ env: { SMTP_URL: `smtp://127.0.0.1:${port}` } });
    server.close();
    expect(of('mail')).toMatchObject({ status: 'ok' });
  });

  it('names unreachable stores', async () => {
    const { code, of } = await examine({
      databaseUrl: 'postgres://postern:hidden@127.0.0.1:1/none',
      redisUrl: 'redis://127.0.0.1:1',
    });
    expect(code).toBe(1);
    expect(of('postgres')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('Cannot connect'),
    });
    expect(of('redis')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('names a database whose encoding cannot store every name', async () => {
    const name = `latin_${randomBytes(4).toString('hex')}`;
    const server = await provided('postgres');
    await execute(
      server,
      `create database ${name} template template0 encoding 'LATIN1' locale_provider libc locale 'C'`,
    );
    atEnd(() => execute(server, `drop database ${name} with (force)`));
    const { code, of } = await examine({ databaseUrl: server.replace(/[^/]*$/, name) });
    expect(code).toBe(1);
    expect(of('encoding')).toMatchObject({ status: 'problem', message: expect.stringContaining('LATIN1') });
  });

  it('names missing migrations', async () => {
    const { url: databaseUrl } = await createDatabase({ template: 'template1' });
    const { code, of } = await examine({ databaseUrl });
    expect(code).toBe(1);
    expect(of('migrations')).toMatchObject({ status: 'problem', todo: expect.stringContaining('migrate') });
  });

  it('names a wrong SECRETS_KEY', async () => {
    const { url: databaseUrl } = await createDatabase();
    await runCli(['client', 'create', '--name', 'X', '--grant', 'client_credentials'], { databaseUrl });
    const { code, of } = await examine({
      databaseUrl,
      env: { SECRETS_KEY: 'another-key-of-more-than-32-characters' },
    });
    expect(code).toBe(1);
    expect(of('keys')?.message).toContain('SECRETS_KEY is not the one');
  });

  it('names a key file that others can read, also beside a running server', async () => {
    const postern = await startPostern();
    const file = path.join(postern.env['DATA_DIR'] ?? '', 'secrets.key');
    await chmod(file, 0o644);
    const { code, of } = await examine({ env: postern.env });
    expect(code).toBe(1);
    expect(of('secrets key')).toMatchObject({ status: 'problem', todo: `Run: chmod 600 ${file}` });
  });
});
