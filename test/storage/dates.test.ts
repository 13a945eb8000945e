import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('models write dates without loading a time zone library', async () => {
  const program = `
    import { Module } from 'node:module';
    import { createSequelize } from './src/storage/postgres/open.ts';
    const sequelize = createSequelize({}, {});
    console.log(sequelize.escape(new Date(1e12)));
    console.log(Object.keys(Module._cache).filter((file) => file.includes('moment-timezone/data')).length);
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', './bin/loading.js', '--input-type=module', '--eval', program],
    { cwd: ROOT },
  );
  expect(stdout).toBe("'2001-09-09T01:46:40.000Z'\n0\n");
});
