/** Handwritten SQL is only in files that say why: docs/decisions/raw-sql.md. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The folder that deals with PostgreSQL as a server, not with tables. */
const SERVER = 'src/storage/postgres/';

/** An SQL statement in a string, or a call that runs one. */
const STATEMENT = /[`'"(]\s*(select\b|insert into |update \w+ set |delete from |with \w+ as |savepoint )/;
const RUN = /\.query[<(]/;

const hasSql = (file: string, text: string): boolean =>
  RUN.test(text) || (file.startsWith('src/storage/') && STATEMENT.test(text));

it('a file contains SQL if, and only if, it says why', () => {
  const wrong = globSync('src/**/*.ts', { cwd: ROOT })
    .filter((file) => !file.startsWith(SERVER))
    .map((file) => ({ file, text: readFileSync(path.join(ROOT, file), 'utf8') }))
    .filter(({ file, text }) => hasSql(file, text) !== /^(\/\/| \*) raw-sql: \S/m.test(text))
    .map(({ file }) => file);
  expect(wrong).toEqual([]);
});
