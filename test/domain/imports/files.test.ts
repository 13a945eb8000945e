/**
 * Files: encodings, delimiters, truncated and overlong ones. Also queries, and where attributes and events
 * go.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../../src/core/actor.ts';
import { shellOperator } from '../../../src/domain/operators/operator.ts';
import { readMapping } from '../../../src/domain/imports/index.ts';
import { temporaryFolder } from '../../support/cleanup.ts';
import { until } from '../../support/until.ts';
import { operator } from '../harness.ts';
import { codesOf, DEFAULTS, openPostern, type Postern, SECRETS_KEY } from './support.ts';

const PASSWORD = 'old hash, new home';
const BCRYPT = '$2y$10$oZhlF6eO09CVhnNkotFzA.KnsmacZCRQBVMSoRqNUNNBlP/h585T6';

let postern: Postern;
beforeAll(async () => {
  postern = await openPostern();
});

const account = async (email: string) => {
  const found = await postern.byEmail(email);
  if (!found) throw new Error(`${email} is not there`);
  return found;
};

describe('a CSV import', () => {
  it.each([
    ['commas', ','],
    ['semicolons', ';'],
    ['tabs', '\t'],
  ])('accepts %s, in UTF-8 and UTF-16 with a byte order mark', async (name, delimiter) => {
    const at = (encoding: string) => `${name}-${encoding}@csv.example`;
    const text = (encoding: string) =>
      ['Mail', 'Full name', 'Kind', 'joined'].join(delimiter) +
      `\r\n${at(encoding)}${delimiter}"Ä ""B""${delimiter}\nC"${delimiter}A${delimiter}1600000000\r\n`;
    const mapping = {
      email: 'Mail',
      username: 'Kind',
      status: { column: 'Kind', values: { A: 'active', B: 'suspended' } },
      created_at: 'joined',
      nickname: 'Mail',
    };
    const asked = {
      mapping: { email: mapping.email, status: mapping.status, created_at: 'joined' },
      map: ['attributes.full=Full name'],
    };
    const [eight, sixteen] = [text('8'), text('16')];
    for (const content of [
      `\ufeff${eight}`,
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(sixteen, 'utf16le')]),
    ])
      expect(await postern.importText(content, asked)).toMatchObject({ read: 1, created: 1, problems: [] });
    expect(await account(at('16'))).toMatchObject({ createdAt: new Date(1_600_000_000_000) });
    const [row] = await postern.sql<{ attributes: object }>(
      'select attributes from imported_accounts where source_id = $1',
      [at('8')],
    );
    expect(row?.attributes).toEqual({ full: `Ä "B"${delimiter}\nC` });
  });

  it('names an unreadable record and imports the others', async () => {
    const text = `email,name\na@bad.example,A\nb@bad.example\nc@bad.example,"C"x\nd@bad.example,${'x'.repeat(2 << 20)}\ne@bad.example,=cmd()\n\nf@bad.example,"open\n`;
    const report = await postern.importText(text);
    expect(report).toMatchObject({ read: 6, created: 2, failed: 4 });
    expect(codesOf(report)).toEqual([
      [2, 'invalid_record'],
      [3, 'invalid_record'],
      [4, 'line_too_long'],
      [6, 'invalid_record'],
    ]);
    const wrong = await postern
      .importText(Buffer.from('email,name\0\nx@y.example,\xff\n', 'latin1'), { from: 'csv' })
      .catch((error: Error) => error.message);
    expect(wrong).toMatch(/NUL/);
  });

  it('refuses columns without a mapping, and mappings without a column', async () => {
    await expect(postern.importText('email,passwort\na@b.example,x\n')).rejects.toThrow(/passwort/);
    await expect(postern.importText('mail\na@b.example\n', { map: ['email=post'] })).rejects.toThrow(/post/);
    await expect(postern.importText('mail\na@b.example\n', { map: ['e_mail=mail'] })).rejects.toThrow(
      /e_mail/,
    );
  });
});

it('an import names where a JSON file is truncated, and skips records that are too deep or too long', async () => {
  const user = (email: string) => JSON.stringify({ localId: `id-of-${email}`, email });
  const text = `{"users":[${user('j1@json.example')},{"localId":"deep","x":${'['.repeat(100)}${']'.repeat(100)}},{"localId":"${'x'.repeat(2 << 20)}"},${user('j2@json.example')},{"localId":"cut`;
  const report = await postern.importText(text, { from: 'firebase' });
  expect(report).toMatchObject({ read: 5, created: 2, failed: 3 });
  expect(codesOf(report)).toEqual([
    [2, 'invalid_json'],
    [3, 'line_too_long'],
    [5, 'invalid_json'],
  ]);
  await expect(postern.importText('hello')).rejects.toThrow(/--from/);
});

it('an import can read the rows of a query in another database', async () => {
  await postern.sql('create schema old');
  await postern.sql(
    `create table old.people (id bigint, mail text, hash text, verified boolean, made timestamp)`,
  );
  await postern.sql(
    `insert into old.people values (9001, 'sql@old.example', $1, true, '2020-01-02 03:04:05'), (9002, 'none', null, false, now())`,
    [BCRYPT],
  );
  const { accountImports } = postern;
  const report = await accountImports.run(
    {
      from: { databaseUrl: postern.url, query: 'select * from old.people order by id;' },
      mapping: readMapping(
        {
          number: 'id',
          source_id: 'id',
          email: 'mail',
          password_hash: 'hash',
          email_verified: 'verified',
          created_at: 'made',
        },
        [],
      ),
      model: undefined,
      source: 'old',
      options: DEFAULTS,
    },
    operator,
  );
  expect(report.problems).toMatchObject([{ line: 2, code: 'invalid_email' }]);
  expect(report).toMatchObject({ read: 2, created: 1, failed: 1 });
  expect(await account('sql@old.example')).toMatchObject({
    number: 9001,
    createdAt: new Date('2020-01-02T03:04:05Z'),
  });
  expect(await postern.opens('sql@old.example', PASSWORD)).toBe(true);
});

const SCHEMA = {
  type: 'object' as const,
  properties: {
    level: { type: 'integer' as const, minimum: 1, maximum: 9 },
    hobbies: { type: 'array' as const, items: { type: 'string' as const } },
    plan: { type: 'string' as const, read: ['person' as const], write: ['person' as const] },
    active: { type: 'boolean' as const },
  },
};

it('an import is reported to webhooks that subscribed to its event, and no others', async () => {
  const { webhooks, inTransaction } = postern.core.stores;
  const content = { url: 'https://hooks.example.com/', description: '', enabled: true, secret: 'none' };
  const [named] = await inTransaction(async (tx) => [
    await webhooks.create({ ...content, eventTypes: ['user.*', 'user.imported'] }, tx),
    await webhooks.create({ ...content, eventTypes: ['user.*', '*'] }, tx),
    await webhooks.create({ ...content, eventTypes: ['user.imported'], enabled: false }, tx),
  ]);
  const emails = ['hooked-1@example.com', 'hooked-2@example.com'];
  await postern.importLines(emails.map((email) => ({ source_id: email, email })));
  const told = await postern.sql(
    `select d.webhook_id, d.type, d.event_id = e.id as same, d.data->'details' as details, e.subject from webhook_deliveries d
     left join audit_events e on e.id = d.event_id order by d.data->'details'->>'source_id'`,
  );
  const accounts = await Promise.all(emails.map((email) => postern.byEmail(email)));
  expect(told).toEqual(
    accounts.map((account, index) => ({
      webhook_id: named?.id,
      type: 'user.imported',
      same: true,
      details: { source: 'ndjson', source_id: emails[index], roles: ['user'] },
      subject: account?.id,
    })),
  );
  await postern.sql('delete from webhooks');
});

it('an import sets attributes that fit the schema and keeps the others aside', async () => {
  await postern.core.attributes.update(shellOperator(systemActor), SCHEMA);
  const email = 'attributes@example.com';
  const attributes = { level: '7', hobbies: ['chess', 'go'], plan: ['gold'], active: 'perhaps', shoe: 42 };
  const record = { source_id: 'attributes', email, attributes };
  expect(await postern.importLines([record])).toMatchObject({ created: 1 });
  const rest = { active: 'perhaps', shoe: 42 };
  const kept = `select attributes from imported_accounts where source_id = 'attributes'`;
  const account = await postern.byEmail(email);
  expect(account?.attributes).toEqual({ level: 7, hobbies: ['chess', 'go'], plan: 'gold' });
  expect(await postern.sql(kept)).toEqual([{ attributes: rest }]);
  const exported =
    (await postern.exportText('ndjson')).split('\n').find((line) => line.includes(email)) ?? '';
  expect(JSON.parse(exported)).toMatchObject({
    attributes: { ...rest, level: 7, hobbies: ['chess', 'go'], plan: 'gold' },
  });
  // Importing a changed record again updates the attributes from there, not those set here.
  const setHere = { level: 7, plan: 'gold', active: true };
  await postern.core.stores.users.update(account?.id ?? '', { attributes: setHere });
  const changed = { ...record, attributes: { level: 99, plan: 'silver' } };
  expect(await postern.importLines([changed], { onConflict: 'update' })).toMatchObject({ updated: 1 });
  expect((await postern.byEmail(email))?.attributes).toEqual({ level: 7, plan: 'silver', active: true });
  expect(await postern.sql(kept)).toEqual([{ attributes: { level: 99 } }]);
});

it('an import continues where a killed importer stopped', async () => {
  const records = Array.from({ length: 1_600 }, (_, index) => ({
    source_id: `killed-${index}`,
    email: `killed-${index}@example.org`,
    groups: index === 1_200 ? ['held'] : [],
  }));
  const file = path.join(await temporaryFolder(), 'killed.ndjson');
  await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const count = async () => {
    const [row] = await postern.sql<{ count: number }>(
      `select count(*)::int as count from imported_accounts join users on users.id = account_id
       where source_id like 'killed-%' and email = source_id || '@example.org'`,
    );
    return row?.count;
  };
  const { imports, inTransaction } = postern.core.stores;
  await inTransaction(async (tx) => {
    // The third batch waits for this lock on a group that it wants to create.
    await imports.groupsOf([{ name: 'held', nameKey: 'held' }], tx);
    const cli = path.resolve(import.meta.dirname, '../../../src/cli.ts');
    const importer = spawn(process.execPath, [cli, 'import', file], {
      env: { ...process.env, DATABASE_URL: postern.url, SECRETS_KEY },
      stdio: 'ignore',
    });
    const ended = once(importer, 'exit');
    await until(async () => importer.exitCode !== null || (await count()) === 1_000);
    importer.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
  });
  expect(await postern.importLines(records)).toMatchObject({ created: 600, skipped: 1_000, failed: 0 });
  expect(await count()).toBe(1_600);
});
