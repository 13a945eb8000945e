import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { json } from './support/commands.ts';

const PERSON = { username: 'ada', email: 'ada@example.test', password: 'three unrelated words' };

interface Tokens {
  client_id: string;
  access_token: string;
  refresh_token: string;
  id_token: string;
  claims: { sub: string };
}

describe('postern login', () => {
  let postern: Postern;
  let browser: Browser;
  beforeAll(async () => {
    const { url: databaseUrl } = await createDatabase();
    [postern, browser] = await Promise.all([startPostern({ databaseUrl }), launchBrowser()]);
    const { username, email, password } = PERSON;
    const args = ['user', 'create', '--username', username, '--email', email, '--password', password];
    await json(args, { env: postern.env });
  });

  /** Runs the command, and `act` as the user in a browser. */
  async function login(
    act: (page: Awaited<ReturnType<Browser['newPage']>>, shown: () => string) => Promise<void>,
    options = ['--no-browser'],
  ) {
    const command = path.resolve(import.meta.dirname, '../../bin/postern.js');
    const child = spawn(process.execPath, [command, 'login', ...options, '--json'], {
      env: postern.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const closed = once(child, 'close');
    const url = await new Promise<string>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString();
        const shown = /^ {2}(http:\S+)$/m.exec(stderr)?.[1];
        if (shown !== undefined) resolve(shown);
      });
    });
    const page = await browser.newPage();
    await page.goto(url);
    await act(page, () => stderr);
    const [code] = (await closed) as [number];
    await page.close();
    return { code, stdout, stderr };
  }

  it('ends with working tokens after a sign-in in the browser, always as the same client', async () => {
    const clients = new Set<string>();
    for (let round = 0; round < 2; round += 1) {
      const { code, stdout } = await login(async (page) => {
        await page.getByLabel('Email or username').fill(PERSON.email);
        await page.getByLabel('Password', { exact: true }).fill(PERSON.password);
        await page.getByRole('button', { name: 'Sign in', exact: true }).click();
        await page.getByRole('button', { name: 'Allow', exact: true }).click();
        await page.getByRole('heading', { name: 'Signed in' }).waitFor();
      });
      expect(code).toBe(0);
      const tokens = JSON.parse(stdout) as Tokens;
      clients.add(tokens.client_id);
      expect(tokens.refresh_token).toEqual(expect.any(String));
      const keys = createRemoteJWKSet(new URL(`${postern.url}/oauth2/jwks`));
      const { payload } = await jwtVerify(tokens.id_token, keys, {
        issuer: postern.url,
        audience: tokens.client_id,
      });
      expect(payload.sub).toBe(tokens.claims.sub);
      const userinfo = await fetch(`${postern.url}/oauth2/userinfo`, {
        headers: { Authorization: `Bearer ${tokens.access_token}` },
      });
      await expect(userinfo.json()).resolves.toMatchObject({ sub: tokens.claims.sub, email: PERSON.email });
    }
    expect(clients.size).toBe(1);
  });

  it('signs in on another device with a code', async () => {
    const { code, stdout } = await login(
      async (page, shown) => {
        await page.getByLabel('Code on your device').fill(/[A-Z]{4}-[A-Z]{4}/.exec(shown())?.[0] ?? '');
        await page.getByRole('button', { name: 'Continue' }).click();
        await page.getByText('postern CLI').first().waitFor();
        await page.getByRole('button', { name: 'Continue' }).click();
        await page.getByLabel('Email or username').fill(PERSON.email);
        await page.getByLabel('Password', { exact: true }).fill(PERSON.password);
        await page.getByRole('button', { name: 'Sign in', exact: true }).click();
        const allow = page.getByRole('button', { name: 'Allow', exact: true });
        const done = page.getByRole('heading', { name: 'Your device is signed in' });
        await allow.or(done).waitFor();
        if (await allow.isVisible()) await allow.click();
        await done.waitFor();
      },
      ['--device'],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      access_token: expect.any(String),
      claims: { sub: expect.any(String) },
    });
  });

  it('says that the user refused', async () => {
    const { code, stdout, stderr } = await login(async (page) => {
      await page.getByText(/^Cancel/).click();
      await page.getByRole('heading', { name: 'Not signed in' }).waitFor();
    });
    expect(code).toBe(1);
    expect(stderr).toContain('postern: The provider refused');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'startup' } });
  });

  it('says that no server is running', async () => {
    await postern.stop();
    const { code, stderr } = await runCli(['login', '--no-browser'], { env: postern.env });
    expect(code).toBe(1);
    expect(stderr).toContain('Is the server running?');
  });
});
