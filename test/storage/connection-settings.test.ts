import { expect, test } from '@jest/globals';
import { refresh, signIn, userinfo } from '../oidc/support/flow.ts';
import { startProvider } from '../oidc/support/provider.ts';
import { createLogger } from '../../src/core/logger.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import { secrets } from './backends.ts';
import { atEnd, provided } from '../support/cleanup.ts';
import { expectNoFailure } from '../support/failures.ts';
import { runCli } from '../support/postern.ts';
import { execute } from '../support/postgres-server.ts';
import { createDatabase } from '../support/postgres.ts';

/** Settings that an administrator may have chosen for a database, each as unlike the default as possible. */
const HOSTILE = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Kathmandu',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  client_encoding: 'LATIN1',
  client_min_messages: 'debug5',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  statement_timeout: '1ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  quote_all_identifiers: 'on',
  array_nulls: 'off',
  transform_null_equals: 'on',
};

test('Postern works with any connection settings of a database', async () => {
  const { url: databaseUrl } = await createDatabase({ template: 'template1' });
  const name = new URL(databaseUrl).pathname.slice(1);
  for (const [setting, value] of Object.entries(HOSTILE))
    await execute(await provided('postgres'), `alter database ${name} set ${setting} = '${value}'`);
  expect(await runCli(['migrate'], { databaseUrl })).toMatchObject({ code: 0, stderr: '' });
  const provider = await startProvider({ databaseUrl, stores: 'PostgreSQL' });
  const [app, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
  const tokens = await signIn(provider, app, person);
  const once = await refresh(provider, app, tokens.refresh_token);
  expect(once.status).toBe(200);
  // The grace period depends on fractions of a second.
  expect((await refresh(provider, app, tokens.refresh_token)).body.refresh_token).toBe(
    once.body.refresh_token,
  );
  expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 200 });
  const doctor = await runCli(['doctor', '--json'], { env: provider.postern.env });
  expect(doctor.code).toBe(0);
  expectNoFailure(provider.postern);
});

test('connection settings in DATABASE_URL are kept, along with those that Postern relies on', async () => {
  const { url } = await createDatabase();
  const asked = encodeURIComponent('-c search_path=elsewhere,public -c DateStyle=German -c work_mem=8MB');
  const pool = createPool(`${url}?options=${asked}`, {
    logger: createLogger('silent'),
    applicationName: 'test',
  });
  const sequelize = createSequelize(pool, secrets);
  atEnd(() => pool.end());
  const sql = `select current_setting('search_path') as path, current_setting('work_mem') as memory,
    current_setting('DateStyle') as style, current_setting('statement_timeout') as timeout`;
  const set = { path: 'elsewhere,public', memory: '8MB', style: 'ISO, MDY', timeout: '30s' };
  expect((await pool.query(sql)).rows).toEqual([set]);
  expect((await sequelize.query(sql))[0]).toEqual([set]);
});
