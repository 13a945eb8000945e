/** SQL by hand is in the files that say why: docs/decisions/raw-sql.md. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The folder that knows PostgreSQL as a server, not as tables. */
const SERVER = 'src/storage/postgres/';

/** A statement in a string, or something that runs one. */
const STATEMENT = /[`'"(]\s*(select\b|insert into |update \w+ set |delete from |with \w+ as |savepoint )/;
const RUN = /\.query[<(]/;

const hasSql = (file: string, text: string): boolean =>
  RUN.test(text) || (file.startsWith('src/storage/') && STATEMENT.test(text));

it('a file has SQL if it says why, and only then', () => {
  const wrong = globSync('src/**/*.ts', { cwd: ROOT })
    .filter((file) => !file.startsWith(SERVER))
    .map((file) => ({ file, text: readFileSync(path.join(ROOT, file), 'utf8') }))
    .filter(({ file, text }) => hasSql(file, text) !== /^(\/\/| \*) raw-sql: \S/m.test(text))
    .map(({ file }) => file);
  expect(wrong).toEqual([]);
});
