import type { Row } from '../importer.ts';
import type { RawRecord } from '../record.ts';
import { objectsIn } from './auth0.ts';
import { objectsOf } from './items.ts';
import type { Input } from './input.ts';
import { chunksOf, type Reader, stage } from './reader.ts';
import { withoutEmpty, isRecord, listOf, localeOf, nameOf, textOf, timeOf } from './values.ts';

const META = 'wordpress meta';
/** The keys of `wp_usermeta` that are used. */
const KEYS = /^(first_name|last_name|nickname|locale|\w*capabilities)$/;

/** The roles in a PHP array of names and flags: `a:1:{s:13:"administrator";b:1;}`. */
const rolesIn = (serialised: string): string[] =>
  [...serialised.matchAll(/s:\d+:"([^"]+)";b:1;/g)].map(([, role]) => role as string);

/** phpMyAdmin's JSON is a list of a header, a database and tables, whose rows are under `data`. */
const rowsIn = (input: Input): AsyncIterable<Row> =>
  /^\s*\[\s*\{\s*"type"\s*:\s*"header"/.test(input.head) ? objectsOf(input, ['data']) : objectsIn(input);

async function* metaOf(input: Input): AsyncGenerator<RawRecord> {
  for await (const { record } of rowsIn(input))
    if (record && KEYS.test(String(record['meta_key']))) yield record;
}

function recordOf(user: RawRecord, meta: readonly RawRecord[]): Omit<Row, 'line'> {
  const of = (name: string) => textOf(meta.find((one) => one['meta_key'] === name)?.['meta_value']);
  const capabilities = meta.find((one) => String(one['meta_key']).endsWith('capabilities'));
  const id = textOf(user['ID'] ?? user['id']);
  const hash = textOf(user['user_pass']);
  const nested = isRecord(user['roles'])
    ? Object.keys(user['roles'])
    : typeof user['roles'] === 'string'
      ? user['roles'].split(',')
      : listOf(user['roles']);
  const record = withoutEmpty({
    source_id: id,
    number: id,
    username: textOf(user['user_login']),
    email: textOf(user['user_email']),
    name: nameOf(user['display_name']),
    given_name: nameOf(of('first_name')),
    family_name: nameOf(of('last_name')),
    nickname: nameOf(of('nickname')),
    locale: localeOf(of('locale')),
    created_at: timeOf(user['user_registered']),
    roles: [...rolesIn(textOf(capabilities?.['meta_value']) ?? ''), ...nested],
    password_hash: hash,
    // Before the first login after an update from very old versions: MD5, which no other WordPress hash resembles.
    password_hash_format: hash !== undefined && /^[\da-f]{32}$/i.test(hash) ? 'wordpress' : undefined,
  });
  return { record };
}

/** WordPress: `wp_users` as CSV or JSON, with `wp_usermeta` beside it. */
export const wordpress: Reader = async function* read({ input, companions, staging }) {
  const isMeta = (file: Input) => /meta_key/.test(file.head);
  for (const companion of companions.filter(isMeta))
    await stage(
      staging,
      META,
      metaOf(companion),
      (row) => textOf(row['user_id']),
      ({ meta_key, meta_value }) => ({ meta_key, meta_value }),
    );
  for await (const rows of chunksOf(rowsIn(input))) {
    const ids = rows.flatMap(({ record }) => textOf(record?.['ID'] ?? record?.['id']) ?? []);
    const meta =
      companions.length > 0 ? await staging.of<RawRecord>(META, ids) : new Map<string, RawRecord[]>();
    for (const { line, record, problem } of rows) {
      if (problem) yield { line, problem };
      else if (record)
        yield { line, ...recordOf(record, meta.get(textOf(record['ID'] ?? record['id']) ?? '') ?? []) };
    }
  }
};
