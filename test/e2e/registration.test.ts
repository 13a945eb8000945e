import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Clients, register } from '../../demo/registration.ts';
import { freePort } from '../support/ports.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';

const MAIN = path.resolve(import.meta.dirname, '../../demo/main.ts');

describe('the registration of the demos', () => {
  let postern: Postern;
  let first: Clients;
  const again = () =>
    register({
      issuer: postern.url,
      ports: { webApp: 9001, spa: 9002, service: 9003 },
      dataDir: postern.env['DATA_DIR'] ?? '',
      env: postern.env,
    });
  beforeAll(async () => {
    postern = await startPostern({ databaseUrl: (await createDatabase()).url });
    first = await again();
  });

  it('is stored in a file that only its owner can read', async () => {
    expect(await again()).toEqual(first);
    const { mode } = await stat(path.join(postern.env['DATA_DIR'] ?? '', 'demo.json'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('is renewed for a deleted client', async () => {
    const { code } = await runCli(['client', 'delete', first.spa.clientId, '--json'], { env: postern.env });
    expect(code).toBe(0);
    const second = await again();
    expect(second).toMatchObject({ webApp: first.webApp, service: first.service });
    expect(second.spa.clientId).not.toBe(first.spa.clientId);
    expect(await again()).toEqual(second);
  });

  it('says what to do if Postern is not running', async () => {
    const env = { ...postern.env, PUBLIC_URL: `http://localhost:${await freePort()}` };
    const run = promisify(execFile)(process.execPath, [MAIN], { env });
    await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('npm start') });
  });
});
