import { beforeAll, describe, expect, it } from '@jest/globals';
import { json, ownToken } from '../cli/support/commands.ts';
import { until } from '../support/until.ts';
import { sendToHost } from '../contracts/support/server.ts';
import { type Postern, type PosternOptions, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';

const TOKEN = 'a-token-for-the-metrics';
const KNOWN = { Authorization: `Bearer ${TOKEN}` };

async function start(options: PosternOptions = {}): Promise<Postern> {
  const { url: databaseUrl } = await createDatabase();
  return startPostern({ databaseUrl, ...options });
}

const scrape = async ({ url }: Postern, headers: Record<string, string> = {}) => {
  const response = await fetch(`${url}/metrics`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

/** The value of a series, given its name and labels as text. */
function value(text: string, series: string): number | undefined {
  const line = text.split('\n').find((line) => line.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

interface Service {
  client_id: string;
  client_secret: string;
}

const createService = ({ env }: Postern) =>
  json<Service>(['client', 'create', '--name', 'Service', '--grant', 'client_credentials'], { env });

describe('/metrics', () => {
  let guarded: Postern;
  beforeAll(async () => {
    const contracts = { root: ['gateway'], hosts: { 'ppl.example.test': 'ppl' } };
    guarded = await start({ settings: { metrics: { token: TOKEN }, contracts } });
  });

  it('counts requests by contract and outcome', async () => {
    const postern = await start();
    const service = await createService(postern);
    await ownToken(postern.url, service);
    await ownToken(postern.url, { ...service, client_secret: 'wrong' });
    await fetch(`${postern.url}/.well-known/openid-configuration`);
    await fetch(`${postern.url}/no/such/place`);
    await fetch(`${postern.url}/sign-in`);
    const { status, headers, text } = await scrape(postern);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const requests = (door: string, code: number) =>
      value(text, `postern_http_requests_total{door="${door}",status="${code}"}`);
    expect(requests('oauth2/token', 200)).toBe(1);
    expect(requests('oauth2/token', 401)).toBe(1);
    expect(requests('discovery', 200)).toBe(1);
    expect(requests('other', 404)).toBe(1);
    expect(requests('pages', 200)).toBe(1);
    expect(requests('ops', 200)).toBeGreaterThan(0);
    expect(value(text, 'postern_grants_total{grant_type="client_credentials",outcome="success"}')).toBe(1);
    expect(
      value(text, 'postern_grants_total{grant_type="client_credentials",outcome="invalid_client"}'),
    ).toBe(1);
    expect(value(text, 'postern_http_request_duration_seconds_count{door="oauth2/token",status="200"}')).toBe(
      1,
    );
    expect(value(text, 'postern_password_hashes_running')).toBe(0);
    expect(value(text, 'postern_password_hashes_waiting')).toBe(0);
    expect(value(text, 'postern_process_resident_memory_bytes')).toBeGreaterThan(0);
    // Nothing from a request becomes a label.
    expect(text).not.toContain('such');
  });

  it.each<[door: string, status: number, method: string, path: string]>([
    ['oauth2/device_authorization', 400, 'POST', '/oauth2/device_authorization'],
    ['oauth2/bc-authorize', 400, 'POST', '/oauth2/bc-authorize'],
    ['oauth2/register', 401, 'POST', '/oauth2/register'],
    ['device', 200, 'GET', '/device'],
    ['other', 404, 'GET', '/oauth2/nope'],
    ['pages', 400, 'GET', '/upstream/acme/callback'],
    ['pages', 303, 'GET', '/account/profile'],
    ['pages', 303, 'GET', '/Account'],
    ['api', 401, 'GET', '/api/v2/me'],
    ['contracts/gateway', 400, 'POST', '/api/v1/auth/validate'],
    ['contracts/gateway', 404, 'GET', '/api/v1/auth/nope'],
    ['contracts/gateway', 200, 'GET', '/contracts/gateway/api/v1/auth/health'],
    ['contracts/ppl', 200, 'GET', 'http://ppl.example.test/api/v1/health/health'],
    // The whole host belongs to the contract.
    ['contracts/ppl', 404, 'GET', 'http://ppl.example.test/account'],
    ['other', 404, 'GET', '/api/v1/users'],
    ['other', 404, 'GET', '/contracts/nope/users'],
    ['other', 404, 'GET', '/passkey'],
  ])('counts %s: %i for %s %s', async (door, status, method, path) => {
    const url = new URL(path, guarded.url);
    const series = `postern_http_requests_total{door="${door}",status="${status}"}`;
    const count = async () => value((await scrape(guarded, KNOWN)).text, series) ?? 0;
    const before = await count();
    const send = sendToHost(guarded.port, url.host);
    expect(await send({ method, url: url.href, headers: {} })).toMatchObject({ status });
    // A reply is counted once it was sent.
    await until(async () => (await count()) === before + 1);
  });

  it('needs its token, if there is one', async () => {
    const refused = await scrape(guarded);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(refused.text).not.toContain('postern_');
    expect((await scrape(guarded, { Authorization: `Bearer ${TOKEN}x` })).status).toBe(401);
    expect((await scrape(guarded, KNOWN)).text).toContain('postern_http');
  });

  it('does not exist if it is turned off', async () => {
    const postern = await start({ settings: { metrics: { enabled: false } } });
    expect((await scrape(postern)).status).toBe(404);
  });

  it('has the sums of all workers, whichever one answers', async () => {
    const postern = await start({ env: { WEB_CONCURRENCY: '2' } });
    const service = await createService(postern);
    for (let i = 0; i < 10; i += 1) await ownToken(postern.url, service);
    const series = 'postern_grants_total{grant_type="client_credentials",outcome="success"}';
    // A reply is counted once it was sent.
    await until(async () => value((await scrape(postern)).text, series) === 10);
    for (let i = 0; i < 4; i += 1) expect(value((await scrape(postern)).text, series)).toBe(10);
  });
});
