import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { json, ownToken } from '../cli/support/commands.ts';
import { until } from '../support/until.ts';
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

/** Requests the page under the public name of the server. */
async function asPublic(port: number, path: string) {
  const headers = { Host: new URL(PUBLIC_URL).host, Accept: 'text/html' };
  const [reply] = (await once(http.get({ port, path, headers }), 'response')) as [http.IncomingMessage];
  return { headers: reply.headers, text: await text(reply) };
}

describe('the log in production', () => {
  it('has a JSON line on standard output for each request, with its id and without its secrets', async () => {
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
    // In production a request must be for the public name.
    await expect(ownToken(local, service)).resolves.toMatchObject({ status: 421 });
    const reply = await fetch(`${local}/livez?secret=in-the-query`, {
      headers: { Authorization: 'Bearer in-the-header', Cookie: 'in-the-cookie=1' },
    });
    await until(() => postern.output().includes('"path":"/livez"'));
    const refused = await asPublic(
      postern.port,
      '/oauth2/authorize?client_id=none&redirect_uri=https://a.example/',
    );
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
    const requestId = refused.headers['x-request-id'];
    expect(lines.find(({ msg }) => msg === 'a request was refused')).toMatchObject({
      level: 'warn',
      client_id: 'none',
      endpoint: 'authorization',
      error: 'invalid_client',
      parameter: 'client_id',
      reason: 'client is invalid: client not found',
      requestId,
    });
    // People who use the app see no details about it.
    expect(refused.text).toContain(requestId);
    expect(refused.text).not.toContain('For the developers of the app');
    const secrets = [PASSWORD, service.client_secret, 'in-the-', postern.env['SECRETS_KEY']];
    for (const secret of secrets) expect(postern.output()).not.toContain(secret);
  });
});
