import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { differencesOf } from '../../src/cli/shadow/compare.ts';
import { Asking } from '../../src/cli/shadow/asking.ts';
import { Credentials } from '../../src/cli/shadow/credentials.ts';
import { Findings, type ShadowReport } from '../../src/cli/shadow/findings.ts';
import { Histogram } from '../../src/cli/shadow/histogram.ts';
import { readSaved } from '../../src/cli/shadow/saved.ts';
import { createShadow } from '../../src/cli/shadow/proxy.ts';
import { toPage, toText } from '../../src/cli/shadow/render.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { contractOf, type ContractServer, startContractServer } from './support/server.ts';

const PERSON = { username: 'shadowed', email: 'shadowed@example.com', password: 'Quiet harbour 1871' };

let server: ContractServer;
let number: number;
beforeAll(async () => {
  server = await startContractServer();
  const made = await fetch(`${server.url}/contracts/flask/api/v1/users`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(PERSON),
  });
  ({ id: number } = (await made.json()) as { id: number });
});

/** Replies of the old service, by method and path. */
type Answers = Record<
  string,
  (req: http.IncomingMessage, body: string) => { status: number; headers?: object; body?: unknown }
>;

const listening = async (old: http.Server): Promise<URL> => {
  old.listen(0, '127.0.0.1');
  await once(old, 'listening');
  atEnd(async () => old.closeAllConnections());
  atEnd(async () => void old.close());
  return new URL(`http://127.0.0.1:${(old.address() as AddressInfo).port}`);
};

/** An old service with one account and its own tokens. */
const ANSWERS: Answers = {
  'POST /api/v1/auth/login': (_req, body) => {
    const { email, password } = JSON.parse(body) as Record<string, string>;
    return email === PERSON.email && password === PERSON.password
      ? {
          status: 200,
          body: { token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLW9sZA' },
        }
      : {
          status: 401,
          headers: { 'WWW-Authenticate': 'Bearer' },
          body: { error: { code: 'invalid_credentials', message: 'Invalid credentials', details: {} } },
        };
  },
  'GET /api/v1/users': (req) => {
    if (!req.headers.authorization?.startsWith('Bearer eyJhbGciOiJIUzI1NiJ9.'))
      return { status: 401, body: { error: { code: 'invalid_token', message: 'no', details: {} } } };
    return { status: 200, body: { id: number, username: PERSON.username, email: PERSON.email } };
  },
};

const nothing: Answers[string] = () => ({ status: 404, body: {} });
const others: Answers = {};
const seen: { url: string; headers: http.IncomingHttpHeaders }[] = [];
const oldService = () =>
  http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      seen.push({ url: req.url ?? '', headers: req.headers });
      const name = `${req.method} ${(req.url ?? '').replace(/\/\d+.*$/, '')}`;
      const {
        status,
        headers = {},
        body,
      } = (others[name] ?? ANSWERS[name] ?? nothing)(req, Buffer.concat(chunks).toString());
      res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers });
      res.end(body === undefined ? undefined : JSON.stringify(body));
    });
  });

async function start(old?: URL) {
  const findings = new Findings();
  const postern = `${server.url}/contracts/flask`;
  const asking = new Asking({ postern, apiKey: undefined, findings });
  const oldUrl = old ?? (await listening(oldService()));
  const proxy = createShadow({ contract: contractOf('flask'), old: oldUrl, asking, findings });
  const { origin } = await listening(proxy);
  const send = (method: string, to: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(`${origin}/api/v1${to}`, {
      method,
      headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  return {
    send,
    origin,
    async logIn() {
      const { token } = (await (await send('POST', '/auth/login', PERSON)).json()) as { token: string };
      return { Authorization: `Bearer ${token}` };
    },
    async report() {
      await until(async () => {
        await asking.settled();
        const {
          requests,
          compared,
          not_compared: skipped,
        } = findings.report({ door: '', old: '', postern: '' });
        return requests === compared + Object.values(skipped).reduce((sum, count) => sum + count, 0);
      });
      return findings.report({ door: 'flask', old: oldUrl.href, postern });
    },
  };
}

beforeEach(() => {
  for (const name of Object.keys(others)) delete others[name];
  seen.length = 0;
});

describe('the shadow of an old service', () => {
  it('answers from the old service, and reports no difference where Postern answers alike', async () => {
    const { send, logIn, report } = await start();
    const bearer = await logIn();
    const shown = await send('GET', `/users/${number}`, undefined, bearer);
    expect([shown.status, await shown.json()]).toEqual([
      200,
      { id: number, username: PERSON.username, email: PERSON.email },
    ]);
    expect((await send('POST', '/auth/login', { ...PERSON, password: 'wrong' })).status).toBe(401);
    const found = await report();
    expect(found.differences).toEqual([]);
    expect(found).toMatchObject({
      requests: 3,
      compared: 3,
      differing: 0,
      old_down: null,
      postern_down: null,
    });
    expect(found.differences).toEqual([]);
    expect(seen.map(({ headers }) => headers['x-forwarded-for'])).toEqual(
      Array(3).fill(expect.stringMatching(/127/)),
    );
  });

  it('reports differences without personal data', async () => {
    const secret = 'Rosebud-1941';
    others['GET /api/v1/users'] = () => ({
      status: 200,
      headers: { 'X-Plan': 'gold' },
      body: { id: String(number), username: PERSON.username, plan: secret, active: true },
    });
    others['POST /api/v1/auth/login'] = (req, body) => {
      const answer = ANSWERS['POST /api/v1/auth/login']!(req, body);
      return { ...answer, status: answer.status === 401 ? 403 : 200 };
    };
    const { send, logIn, report } = await start();
    const bearer = await logIn();
    for (let i = 0; i < 3; i++) await send('GET', `/users/${number}?q=${secret}`, undefined, bearer);
    await send('POST', '/auth/login', { ...PERSON, password: secret });
    const found = await report();
    const rows = found.differences.map(({ kind, at, old, postern, count }) => [
      kind,
      at,
      old,
      postern,
      count,
    ]);
    for (const row of [
      ['type', 'id', 'digits', 'an integer', 3],
      ['field', 'plan', 'text', 'missing', 3],
      ['field', 'active', 'a boolean', 'missing', 3],
      ['field', 'email', 'missing', 'an address', 3],
      ['header', 'x-plan', 'there', 'missing', 3],
      ['status', 'status', '403', '401', 1],
    ])
      expect(rows).toContainEqual(row);
    const everything = [JSON.stringify(found), toText(found), toPage(found)].join();
    for (const told of [secret, PERSON.email, PERSON.username, 'eyJ', `/users/${number}`])
      expect(everything).not.toContain(told);
    expect(toPage(found)).toContain('<td>plan</td>');
  });

  it('sends Postern no request that changes something, and passes those on unchanged', async () => {
    others['POST /api/v1/users'] = (_req, body) => ({ status: 201, body: { got: body.length } });
    const { send, origin, report } = await start();
    const large = { ...PERSON, username: 'x'.repeat(300_000) };
    const made = await send('POST', '/users', large);
    expect([made.status, await made.json()]).toEqual([201, { got: JSON.stringify(large).length }]);
    expect((await fetch(`${origin}/elsewhere?a=b`)).status).toBe(404);
    expect(seen.at(-1)?.url).toBe('/elsewhere?a=b');
    expect(await report()).toMatchObject({
      compared: 0,
      not_compared: { 'changes something': 1, 'no such operation': 1 },
    });
  });

  it('does not blame Postern for tokens issued before it ran', async () => {
    const { send, report } = await start();
    const bearer = { Authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmcm9tIGJlZm9yZSJ9.c2lnbmF0dXJl' };
    expect((await send('GET', `/users/${number}`, undefined, bearer)).status).toBe(200);
    expect(await report()).toMatchObject({ compared: 0, not_compared: { 'a token from before': 1 } });
  });

  it('answers in the form of the contract while the old service is down', async () => {
    const { send, report } = await start(new URL(`http://127.0.0.1:${await freePort()}`));
    const answer = await send('POST', '/auth/login', PERSON);
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { error: { code: 'unavailable', message: expect.any(String), details: {} } },
    ]);
    const found = await report();
    expect(found.old_down).toMatchObject({ requests: 1, error: 'ECONNREFUSED' });
    expect(toText(found)).toContain('The old service did not answer 1 requests (ECONNREFUSED)');
  });

  it('runs as a command that writes its report and stops on a signal', async () => {
    const old = await listening(oldService());
    const folder = path.join(await temporaryFolder(), 'report');
    await mkdir(folder);
    const args = [
      'bin/postern.js',
      'contract',
      'shadow',
      'flask',
      '--old',
      old.href,
      '--port',
      '0',
      '--json',
    ];
    const postern = `${server.url}/contracts/flask`;
    const child = spawn(process.execPath, [...args, '--postern', postern, '--report', folder], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const written = { out: '', err: '' };
    child.stdout.on('data', (text: Buffer) => (written.out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (written.err += text.toString()));
    await until(() => /at http:\S+;/.test(written.err));
    const [, origin] = /at (http:\S+);/.exec(written.err)!;
    const answer = await fetch(`${origin}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(PERSON),
    });
    expect(answer.status).toBe(200);
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    expect((await closed)[0]).toBe(0);
    const report = { door: 'flask', requests: 1, compared: 1 };
    expect(JSON.parse(written.out)).toMatchObject(report);
    expect(JSON.parse(await readFile(path.join(folder, 'report.json'), 'utf8'))).toMatchObject(report);
    expect(await readFile(path.join(folder, 'report.html'), 'utf8')).toContain(
      '<td>POST /api/v1/auth/login</td>',
    );
    // Another run continues the report. With another old service it starts a new report and keeps the old
    // one.
    const where = { door: 'flask', old: old.href, postern };
    const { saved, kept } = await readSaved(folder, where);
    expect(kept).toBeNull();
    const findings = new Findings(saved);
    findings.request({ operation: 'login', endpoint: 'POST /api/v1/auth/login' });
    const before = JSON.parse(written.out) as ShadowReport;
    expect(findings.report(where)).toEqual({
      ...before,
      until: expect.any(String),
      requests: 2,
      operations: [{ ...before.operations[0], requests: 2 }],
    });
    expect(await readSaved(folder, { ...where, old: 'http://another.example/' })).toEqual({
      saved: null,
      kept: expect.stringMatching(/^report-until-.*json$/),
    });
    await writeFile(path.join(folder, 'report.json'), '{"door":');
    expect((await readSaved(folder, where)).saved).toBeNull();
    expect(await readSaved(folder, where)).toEqual({ saved: null, kept: null });
  });
});

it('the shadow’s histogram needs constant memory, however many times it counts', () => {
  const times = new Histogram();
  for (let i = 1; i <= 1000; i++) times.add(i / 10);
  expect(times.percentile(0.5)).toBeGreaterThan(44);
  expect(times.percentile(0.5)).toBeLessThan(57);
  expect(times.percentile(0.99)).toBeGreaterThan(98);
  expect(new Histogram().percentile(0.5)).toBeNull();
});

it('the shadow takes a number near the present time for a timestamp, whatever its value', () => {
  const of = (expirationTime: number) => ({
    status: 200,
    headers: new Map<string, string[]>(),
    json: { expirationTime, total: expirationTime },
    isEmpty: false,
  });
  expect(differencesOf(of(1_800_000_000), of(1_800_000_900)).map(({ at }) => at)).toEqual(['total']);
  expect(differencesOf(of(1_800_000_000), of(1_800_000_900_000)).map(({ kind }) => kind)).toContain('type');
});

it('the shadow translates a token that it knows, and takes others for older ones', () => {
  const known = new Credentials();
  const login = (token: string) => ({
    status: 200,
    headers: new Map<string, string[]>(),
    json: { token },
    isEmpty: false,
  });
  const [old, postern] = ['eyJhbGciOiJI.eyJzdWIiOiI0.signature-a', 'eyJhbGciOiJF.eyJzdWIiOiJh.signature-b'];
  known.learn(login(old), login(postern));
  const ask = (token: string) => known.translate({ headers: {}, body: JSON.stringify({ token }) });
  expect(ask(old)?.body).toBe(JSON.stringify({ token: postern }));
  expect(ask('eyJhbGciOiJI.eyJzdWIiOiI1.signature-c')).toBeNull();
});
