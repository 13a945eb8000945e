import { expect, test } from '@jest/globals';
import type { AbstractDataType } from 'sequelize';
import { createLogger } from '../../src/core/logger.ts';
import { allModels, recordOf } from '../../src/storage/models/define.ts';
import { SigningKey } from '../../src/storage/models/tokens.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { secrets } from './backends.ts';

async function openModels() {
  const { url } = await createDatabase();
  const pool = createPool(url, { logger: createLogger('silent'), applicationName: 'test' });
  createSequelize(pool, secrets);
  atEnd(() => pool.end());
  return { pool };
}

const COLUMNS = `select relname as table, attname as column, format_type(atttypid, atttypmod) as type, not attnotnull as nullable
  from pg_attribute join pg_class on pg_class.oid = attrelid
  where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace and attnum > 0
    and not attisdropped and relname not in ('migrations', 'expansions')
  order by relname, attname`;

const REFERENCES = `select conrelid::regclass::text as table, attname as column, confrelid::regclass::text as target
  from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any(conkey)
  where contype = 'f' and connamespace = 'public'::regnamespace order by 1, 2`;

test('every table has a model with its columns: name, type, null and references', async () => {
  const { pool } = await openModels();
  const attributes = allModels().flatMap((model) =>
    Object.values(model.getAttributes()).map((attribute) => ({ table: model.tableName, attribute })),
  );
  const inOrder = <T extends { table: string; column: string }>(rows: T[]): T[] =>
    rows.sort((a, b) => (`${a.table}.${a.column}` < `${b.table}.${b.column}` ? -1 : 1));
  const columns = attributes.map(({ table, attribute: { field, type, allowNull, primaryKey } }) => ({
    table,
    column: field!,
    type: (type as AbstractDataType).toSql().toLowerCase(),
    nullable: allowNull !== false && !primaryKey,
  }));
  expect(inOrder(columns)).toEqual(inOrder((await pool.query(COLUMNS)).rows));
  const references = attributes.flatMap(({ table, attribute: { field, references: target } }) =>
    typeof target === 'object' ? { table, column: field!, target: target.model as string } : [],
  );
  expect(inOrder(references)).toEqual(inOrder((await pool.query(REFERENCES)).rows));
});

test('an encrypted column contains no plain text, and decrypts the same through model and SQL', async () => {
  const { pool } = await openModels();
  const privateJwk = { kty: 'OKP', d: 'the private part' };
  const key = { kid: 'a', alg: 'EdDSA', publicJwk: { kty: 'OKP' }, activatesAt: new Date() };
  await SigningKey.create({ ...key, privateJwk });
  const stored = async () => {
    const { rows } = await pool.query<{ sealed: Buffer }>('select private_jwk as sealed from signing_keys');
    return rows[0]!.sealed;
  };
  expect((await stored()).toString('latin1')).not.toContain('private part');
  expect(secrets.open('signing-keys', await stored())).toBe(JSON.stringify(privateJwk));
  const record = recordOf(SigningKey);
  const found = await SigningKey.findOne();
  const { rows } = await pool.query(`select ${record.columns} from signing_keys`);
  expect(record.from(found!)).toEqual(record.read(rows)[0]);
  expect(found?.privateJwk).toEqual(privateJwk);
  // A bulk update encrypts too.
  await SigningKey.update({ privateJwk: { d: 'another' } }, { where: { kid: 'a' } });
  expect(secrets.open('signing-keys', await stored())).toBe('{"d":"another"}');
  await SigningKey.update({ privateJwk: null }, { where: { kid: 'a' } });
  expect(await SigningKey.findOne()).toMatchObject({ privateJwk: null });
});
