import { beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type ContractServer, startContractServer } from '../contracts/support/server.ts';
import { flows } from '../contracts/support/members.ts';
import {
  type Behaviour,
  type OldPerson,
  type OldService,
  oldToken,
  SECRET,
  startOldService,
} from './support/old-service.ts';

const oldTokens = {
  keys: [{ alg: 'HS256', secret: { env: 'OLD_JWT_SECRET' } }],
  issuer: 'old',
  until: '2099-12-31',
};

let old: OldService;
let server: ContractServer;
let table: Client;

/** Accounts that only the old table has. */
const tabled = async (who: OldPerson) => {
  await table.query(
    'insert into people (id, mail, login, pw, created, is_admin) values ($1, $2, $3, $4, now(), true)',
    [who.id, who.email, who.username, who.hash],
  );
  old.people.delete(who.username);
  return who;
};

beforeAll(async () => {
  old = await startOldService();
  const { url } = await createDatabase();
  table = new Client({ connectionString: url });
  await table.connect();
  atEnd(() => table.end());
  await table.query(
    'create table people (id int primary key, mail text, login text, pw text, created timestamptz, is_admin bool)',
  );
  server = await startContractServer({
    env: { OLD_DATABASE_URL: url, OLD_KEY: 'key-of-the-old-service', OLD_JWT_SECRET: SECRET },
    contracts: {
      gateway: { oldTokens: { ...oldTokens, account: { source_id: 'sub', source: 'intranet' } } },
      ppl: { oldTokens: { ...oldTokens, account: { source_id: 'sub', source: 'table' } } },
    },
    settings: {
      outbound: { allow: ['127.0.0.1'] },
      legacy: {
        sources: [
          {
            name: 'intranet',
            http: {
              method: 'POST',
              url: `${old.url}/mapped/login`,
              body: { login: '{identifier}', pass: '{password}', kind: 'user' },
              success: [200],
              account: {
                source_id: 'user.id',
                email: 'user.mail',
                username: 'user.login',
                name: 'user.name',
                roles: 'user.roles',
              },
              exists: { url: `${old.url}/mapped/exists?name={identifier}` },
              profile: {
                url: `${old.url}/mapped/me`,
                account: { source_id: 'id', email: 'mail', username: 'login' },
              },
            },
            roles: { USER: '', ADMIN: '' },
            timeout: 3,
            breaker: { failures: 3, wait: 10 },
          },
          {
            name: 'table',
            sql: {
              url: { env: 'OLD_DATABASE_URL' },
              query:
                "select id, mail, login, pw, array['admin'] as roles, created::text as created_at from people where lower(mail) = lower(:identifier) or login = :identifier",
              password_hash: 'pw',
              format: 'werkzeug',
              account: { email: 'mail', username: 'login' },
              count: 'select count(*) from people',
              profile: 'select id, mail, login, pw from people where id::text = :source_id',
            },
          },
        ],
      },
    },
  });
});

const login = (who: { username: string; email: string; password: string }, status = 200) =>
  flows.gateway.login(server.visitor('gateway'), who, status);

/** Logs in. @returns the status. */
const attempt = async ({ username, password }: OldPerson) =>
  (
    await fetch(`${server.url}/contracts/gateway/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    })
  ).status;

const rowOf = async (email: string) =>
  (
    await server.sql(
      `select u.*, i.source, i.source_id, i.way from users u left join imported_accounts i on i.account_id = u.id
       where u.email = $1`,
      [email],
    )
  )[0];

describe('the first login with the right password', () => {
  it('creates the account with its old id, profile and roles, and then no longer asks the source', async () => {
    const ada = { ...old.add('ada') };
    const { body } = await login(ada);
    expect(body).toMatchObject({ userId: ada.id, username: 'ada', role: 'ROLE_USER' });
    expect(await rowOf(ada.email)).toMatchObject({
      source: 'intranet',
      source_id: String(ada.id),
      way: 'login',
      name: ada.name,
      roles: ['user', 'editor'],
      number: ada.id,
    });
    const before = old.asked.length;
    old.people.get('ada')!.password = 'changed over there';
    await login(ada);
    await login({ ...ada, password: 'changed over there' }, 401);
    expect(old.asked).toHaveLength(before);
    const event = await server.sql(`select details from audit_events where type = 'user.imported'`);
    expect(event[0]?.['details']).toMatchObject({ source: 'intranet', way: 'login' });
    expect(JSON.stringify(event)).not.toContain(ada.password);
    expect(server.postern.output()).not.toContain(ada.password);
  });

  it('finds the account in a table by its hash, and makes nobody an administrator', async () => {
    const bob = await tabled(old.add('bob'));
    const { body } = await login(bob);
    expect(body).toMatchObject({ userId: bob.id, role: 'ROLE_USER' });
    expect(await rowOf(bob.email)).toMatchObject({ source: 'table', roles: ['user'] });
    await login({ ...bob, password: 'not it' }, 401);
  });

  it('creates one account of parallel logins', async () => {
    const eve = old.add('eve');
    const all = await Promise.all(Array.from({ length: 8 }, () => login(eve)));
    expect(new Set(all.map(({ body }) => (body as { userId: number }).userId))).toEqual(new Set([eve.id]));
    const rows = await server.sql('select count(*)::int as n from users where email = $1', [eve.email]);
    expect(rows[0]?.['n']).toBe(1);
  });

  it('does not work with names that the account no longer has', async () => {
    const ivy = old.add('ivy');
    await login(ivy);
    await server.sql(
      `update users set email = 'ivy@new.test', email_key = 'ivy@new.test', username = 'ivy2',
      username_key = 'ivy2' where email = $1`,
      [ivy.email],
    );
    await login(ivy, 401);
    await flows.ppl.login(server.visitor('ppl'), ivy, 401);
  });

  it('is refused if the address belongs to another account, and audited', async () => {
    const here = await server.createPerson();
    const max = old.add('max', { email: here.email });
    await login(max, 401);
    await login({ ...here, username: here.username });
    const [event] = await server.sql(
      `select details from audit_events where details ->> 'reason' = 'legacy_account_refused'`,
    );
    expect(event?.['details']).toMatchObject({ source: 'intranet', code: 'duplicate_email' });
  });

  it('works if another account has the number or username', async () => {
    const here = await server.createPerson();
    const { number } = (await rowOf(here.email)) as { number: number };
    const kim = old.add('kim', { id: number });
    await flows.ppl.login(server.visitor('ppl'), kim, 200);
    const row = (await rowOf(kim.email)) as { number: number; source_id: string };
    expect(row.source_id).toBe(String(number));
    expect(row.number).not.toBe(number);
  });
});

describe('an account that has not migrated yet', () => {
  it('gets a mail that says so at registration, and cannot be registered again', async () => {
    const zoe = old.add('zoe');
    const post = async (contract: string, path: string, body: object) => {
      const reply = await fetch(`${server.url}/contracts/${contract}/api/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return reply.status;
    };
    const words = 'a long new password';
    const { email, username } = zoe;
    expect(await post('gateway', '/auth/password-reset', { email })).toBe(200);
    expect(await post('gateway', '/auth/password-reset', { email: 'nobody@old.example.test' })).toBe(404);
    expect(await post('gateway', '/auth/register', { username: 'zoe2', email, password: words })).toBe(409);
    expect(
      await post('gateway', '/auth/register', { username, email: 'z@new.example.test', password: words }),
    ).toBe(409);
    const bob = await tabled(old.add('bob2'));
    expect(await post('flask', '/users', { username: 'bob3', email: bob.email, password: words })).toBe(400);
    const folder = path.join(server.postern.env['DATA_DIR'] ?? '', 'mail');
    await until(async () => {
      const files = await readdir(folder).catch(() => []);
      const mails = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
      return mails.some((mail) => mail.includes(email) && mail.includes('Your account has not moved yet'));
    });
    await login(zoe);
  });
});

describe('a token of the old service', () => {
  const access = ({ id }: OldPerson) => oldToken({ sub: String(id), iss: 'old', type: 'access' });
  const use = (token: string, status: number) => flows.gateway.use!(server.visitor('gateway'), token, status);
  const migration = async () =>
    (await server.operator.migration.status(shellOperator(systemActor))) as unknown as {
      sources: { name: string; withoutPassword: number }[];
    };

  it('migrates its account, whose password is checked at the source until the first login', async () => {
    const lea = old.add('lea');
    const token = await access(lea);
    const before = old.asked.length;
    await Promise.all(Array.from({ length: 6 }, () => use(token, 200)));
    expect(old.asked).toHaveLength(before + 1);
    const { body } = await use(token, 200);
    expect(body).toMatchObject({ id: lea.id, username: 'lea', email: lea.email });
    expect(await rowOf(lea.email)).toMatchObject({
      source: 'intranet',
      source_id: String(lea.id),
      way: 'token',
      password_hash: null,
    });
    const { sources } = await migration();
    expect(sources[0]).toMatchObject({ name: 'intranet', withoutPassword: 1 });
    await login({ ...lea, password: 'not it' }, 401);
    await Promise.all(Array.from({ length: 4 }, () => login(lea)));
    expect(await rowOf(lea.email)).toMatchObject({ password_hash: expect.stringContaining('argon2id') });
    const asked = old.asked.length;
    await login(lea);
    expect(old.asked).toHaveLength(asked);
    expect((await migration()).sources[0]).toMatchObject({ withoutPassword: 0 });
    await use(token, 200);
  });

  it('allows logins in parallel', async () => {
    const people = Array.from({ length: 4 }, (_, at) => old.add(`both${at}`));
    await Promise.all(people.flatMap((who) => [access(who).then((token) => use(token, 200)), login(who)]));
    await Promise.all(people.map((who) => login(who)));
  });

  it('migrates by the id alone if the source is a table, also with a refresh token', async () => {
    const tim = await tabled(old.add('tim'));
    const token = await oldToken({ sub: String(tim.id), iss: 'old', type: 'refresh' });
    const { body } = await flows.ppl.refresh!(server.visitor('ppl'), token, 200);
    expect(body).toMatchObject({ token_type: 'bearer' });
    await flows.ppl.login(server.visitor('ppl'), { ...tim, password: 'x' }, 401);
    await flows.ppl.login(server.visitor('ppl'), tim, 200);
  });

  it('does not restore an account deleted here', async () => {
    const mia = old.add('mia');
    const token = await access(mia);
    await use(token, 200);
    const row = (await rowOf(mia.email)) as { id: string };
    await server.sql('delete from users where id = $1', [row.id]);
    await use(token, 401);
    expect(await rowOf(mia.email)).toBeUndefined();
    await login(mia);
  });

  it('is refused if the source refuses it, names another account or is down', async () => {
    const nobody = await oldToken({ sub: '1', iss: 'old', type: 'access' });
    await use(nobody, 401);
    const before = old.asked.length;
    await use(nobody, 401);
    expect(old.asked).toHaveLength(before);
    const refreshed = await oldToken({ sub: '77', iss: 'old', type: 'refresh' });
    await flows.gateway.refresh!(server.visitor('gateway'), refreshed, 401);
    const here = await server.createPerson();
    const bea = old.add('bea', { email: here.email });
    await use(await access(bea), 401);
    const conflicts = old.asked.length;
    await use(await access(bea), 401);
    expect(old.asked).toHaveLength(conflicts);
    const ron = old.add('ron');
    old.behaviour = 'dead';
    await use(await access(ron), 503).finally(() => (old.behaviour = 'well'));
    await until(async () => {
      const reply = await fetch(`${server.url}/contracts/gateway/api/v1/auth/profile`, {
        headers: { authorization: `Bearer ${await access(ron)}` },
      });
      return reply.status === 200;
    });
    const una = old.add('una');
    old.behaviour = 'another';
    await use(await access(una), 401).finally(() => (old.behaviour = 'well'));
    for (const email of [una.email, 'another@old.example.test']) expect(await rowOf(email)).toBeUndefined();
  });

  it('aside, an imported account without a password hash is checked at its source', async () => {
    const who = await tabled(old.add('imported'));
    const file = path.join(await temporaryFolder(), 'people.ndjson');
    const record = { source_id: String(who.id), number: who.id, email: who.email, username: who.username };
    await writeFile(file, JSON.stringify(record));
    const made = await runCli(['import', file, '--source', 'table'], { env: server.postern.env });
    expect(made.code).toBe(0);
    await login({ ...who, password: 'not it' }, 401);
    // Its name belongs to somebody else there.
    await table.query('update people set id = id + 100000 where id = $1', [who.id]);
    await login(who, 401);
    await table.query('update people set id = id - 100000 where login = $1', [who.username]);
    await login(who);
    expect(await rowOf(who.email)).toMatchObject({
      way: 'import',
      password_hash: expect.stringContaining('argon2id'),
    });
    await table.query('delete from people where id = $1', [who.id]);
    await login(who);
  });
});

describe('a source in trouble', () => {
  const MOODS: [Behaviour, number][] = [
    ['nonsense', 503],
    ['huge', 503],
    ['redirect', 503],
    ['500', 503],
    ['error-inside', 401],
    ['another', 401],
    ['slow', 503],
  ];

  it.each(MOODS)('that answers %s creates no account and locks nobody out', async (behaviour, status) => {
    const name = `mood-${behaviour}`;
    old.add('first');
    const who = old.add(name);
    old.behaviour = behaviour;
    try {
      await login(who, status);
    } finally {
      old.behaviour = 'well';
    }
    expect(await rowOf(who.email)).toBeUndefined();
    // The circuit breaker lets one request through after a while.
    await until(async () => (await attempt(who)) === 200);
  });

  it('is not asked any more, and does not slow down migrated accounts', async () => {
    const here = await server.createPerson();
    old.behaviour = 'dead';
    try {
      const doctor = await runCli(['doctor', '--json'], { env: server.postern.env });
      expect((JSON.parse(doctor.stdout) as { findings: object[] }).findings).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ name: 'legacy source intranet', status: 'problem' }),
          expect.objectContaining({ name: 'legacy source table', status: 'ok' }),
        ]),
      );
      for (let count = 0; count < 4; count += 1)
        await login({ username: 'nobody', email: '', password: 'x' }, 503);
      const before = old.asked.length;
      await login({ username: 'nobody', email: '', password: 'x' }, 503);
      expect(old.asked).toHaveLength(before);
      await login(here);
      const text = await (await fetch(`${server.url}/metrics`)).text();
      expect(text).toMatch(/postern_legacy_source_open\{source="intranet"\} 1/);
      expect(text).toMatch(
        /postern_legacy_source_duration_seconds_count\{source="intranet",outcome="right"\} \d/,
      );
    } finally {
      old.behaviour = 'well';
    }
  });
});
