import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { BASELINE, MIGRATIONS } from '../../src/storage/postgres/migrator.ts';
import { problemsOf } from '../support/migration-rules.ts';

const files = readdirSync(MIGRATIONS)
  .filter((file) => file.endsWith('.sql'))
  .toSorted()
  .map((file) => [path.basename(file, '.sql'), readFileSync(path.join(MIGRATIONS, file), 'utf8')] as const);

it('new migrations let the previous version run while they are applied and afterwards', () => {
  expect(problemsOf(new Map(files.filter(([name]) => name > BASELINE)))).toEqual([]);
});

it('the rules for migrations refuse something', () => {
  // Many migrations from before the baseline break these rules.
  expect(problemsOf(new Map(files)).length).toBeGreaterThan(20);
});

const ALONE = '-- postern: no transaction\n';
const CONTRACT = '-- postern: contract after 0150-x\n';

const BAD: [string, RegExp][] = [
  ['create index a on users (email)', /keeps writers out/],
  ['create unique index a on users (email)', /keeps writers out/],
  ['create index concurrently a on users (email)', /does not run in a transaction/],
  [`${ALONE}create index concurrently a on users (email)`, /leaves an invalid index/],
  ['alter table users alter column number type numeric', /rewrites the table/],
  ['alter table users alter email set data type varchar(9)', /rewrites the table/],
  ['alter table users alter column phone set not null', /check \(phone is not null\) not valid/],
  [
    'alter table users add constraint c check (phone is not null) not valid; alter table users validate constraint c',
    /file of its own/,
  ],
  ['alter table users add column a text not null', /constant default/],
  ['alter table users add column a uuid default gen_random_uuid()', /differs by row/],
  [
    'alter table users add column b text, add column a timestamptz default clock_timestamp()',
    /differs by row/,
  ],
  ['alter table users add column a bigserial', /rewrites the table/],
  ['alter table users add a text generated always as (lower(email)) stored', /rewrites the table/],
  ['alter table users add column a text unique', /builds an index/],
  ['alter table users add constraint c check (number > 0)', /not valid/],
  ['alter table users add constraint c foreign key (a) references b (c)', /not valid/],
  ['alter table users add constraint c unique (a)', /using index/],
  ['alter table users drop column phone', /takes away/],
  ['alter table users rename column phone to telephone', /takes away/],
  ['alter table users rename to people', /takes away/],
  ['drop table consents', /takes away/],
  ["alter type status add value 'x'", /does not know/],
  ["update users set status = 'active'", /batches/],
  ['delete from audit_events', /batches/],
  ['lock table users', /locks/],
  ['truncate users', /locks/],
  ['reindex table users', /locks/],
  ['alter table events attach partition users default', /validated check/],
  [`create table users_2 (id int); /* ; */ select ';'; create index i on users (id)`, /keeps writers out/],
];

it.each(BAD)('the rules for migrations refuse: %s', (sql, problem) => {
  const problems = problemsOf(new Map([['0999-bad', sql]]));
  expect(problems).toEqual([expect.stringMatching(/^0999-bad: /)]);
  expect(problems[0]).toMatch(problem);
});

const GOOD = [
  'create table a (id text primary key); create index b on a (id); alter table a add column c text not null',
  `${ALONE}drop index concurrently if exists a;\ncreate index concurrently a on users (email);`,
  "alter table users add column a text; alter table users add column b text not null default 'x', add column c timestamptz default now()",
  'alter table users add constraint c check (phone is not null) not valid',
  'alter table users validate constraint c',
  `${ALONE}alter table users add constraint c check (a is not null) not valid; alter table users validate constraint c; alter table users alter column a set not null;`,
  `${CONTRACT}alter table users drop column phone; drop table consents`,
  'alter table roles add column a text; create index b on roles (a); update roles set a = name',
  "create function f() returns trigger language plpgsql as $$ begin update users set a = 1; end $$; select 'truncate users; drop table users'",
  '-- lock: nobody has written a row yet\nupdate users set a = 1',
  'alter table users set (autovacuum_vacuum_scale_factor = 0.01), alter column a set statistics 1000',
];

it.each(GOOD)('the rules for migrations allow: %s', (sql) =>
  expect(problemsOf(new Map([['0999-good', sql]]))).toEqual([]),
);
