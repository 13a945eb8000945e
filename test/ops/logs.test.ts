import { describe, expect, it } from '@jest/globals';
import { json, ownToken, until } from '../cli/support/commands.ts';
import { startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';

interface Line {
  level: string;
  time: string;
  msg: string;
  requestId?: string;
  path?: string;
  [field: string]: unknown;
}

const PUBLIC_URL = 'https://login.example.com';
const PASSWORD = 'seventeen purple elephants';

describe('the log in production', () => {
  it('is JSON lines on standard output, one for each request, with its id and without its secrets', async () => {
    const { url: databaseUrl } = await createDatabase();
    const env = {
      NODE_ENV: 'production',
      PUBLIC_URL,
      WEB_CONCURRENCY: '1',
      ADMIN_EMAIL: 'root@example.test',
    };
    const postern = await startPostern({ databaseUrl, env: { ...env, ADMIN_PASSWORD: PASSWORD } });
    const service = await json<{ client_id: string; client_secret: string }>(
      ['client', 'create', '--name', 'Service', '--grant', 'client_credentials'],
      { env: postern.env },
    );
    const local = `http://localhost:${postern.port}`;
    // In production a request has to be for the public name.
    await expect(ownToken(local, service)).resolves.toMatchObject({ status: 421 });
    const reply = await fetch(`${local}/livez?secret=in-the-query`, {
      headers: { Authorization: 'Bearer in-the-header', Cookie: 'in-the-cookie=1' },
    });
    await until(() => postern.output().includes('"path":"/livez"'));
    await postern.stop();

    const lines = postern
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.every(({ level, time, msg }) => level && Date.parse(time) && msg)).toBe(true);
    expect(lines.filter(({ msg }) => msg.includes('CONTRACTS'))).toEqual([
      expect.objectContaining({
        level: 'info',
        contracts: [],
        msg: expect.stringMatching(/^no contract is open/),
      }),
    ]);
    expect(lines.find(({ msg }) => msg === 'ready')).toMatchObject({ url: PUBLIC_URL, workers: 1 });
    expect(lines.find(({ path }) => path === '/livez')).toMatchObject({
      level: 'info',
      msg: 'request',
      method: 'GET',
      status: 200,
      duration: expect.any(Number),
      ip: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
      requestId: reply.headers.get('x-request-id'),
    });
    expect(lines.find(({ path }) => path === '/oauth2/token')).toMatchObject({ status: 421 });
    const secrets = [PASSWORD, service.client_secret, 'in-the-', postern.env['SECRETS_KEY']];
    for (const secret of secrets) expect(postern.output()).not.toContain(secret);
  });
});
