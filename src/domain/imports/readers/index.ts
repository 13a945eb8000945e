import type { Row } from '../importer.ts';
import { MAX_USER_NUMBER } from '../../../storage/users.ts';
import type { RawRecord } from '../record.ts';
import { rowsOfQuery } from '../../../storage/postgres/rows.ts';
import { auth0 } from './auth0.ts';
import { cognito } from './cognito.ts';
import { columnsOf, rowsOfCsv } from './csv.ts';
import { django, userModelIn } from './django.ts';
import { firebase } from './firebase.ts';
import type { Input } from './input.ts';
import { objectsOf } from './items.ts';
import { keycloak } from './keycloak.ts';
import { ldif } from './ldif.ts';
import { mapped, mappingFor, type Mapping } from './mapping.ts';
import { objectsByLine } from './ndjson.ts';
import type { Reader } from './reader.ts';
import { recordOfUser, supabase } from './supabase.ts';
import { ImportUsage, isRecord, listOf } from './values.ts';
import { wordpress } from './wordpress.ts';

const csv: Reader = async function* read({ input, mapping }) {
  const whole = mappingFor(await columnsOf(input), mapping);
  for await (const { line, record, problem } of rowsOfCsv(input))
    yield problem ? { line, problem } : { line, record: mapped(record ?? {}, whole) };
};

/** Every kind of file, by its name in `--from`. */
export const READERS = {
  ndjson: ({ input }) => objectsByLine(input),
  csv,
  keycloak,
  auth0,
  firebase,
  supabase,
  cognito,
  django,
  wordpress,
  ldif,
} as const satisfies Record<string, Reader>;

export type SourceFormat = keyof typeof READERS;
export const isFormat = (name: string): name is SourceFormat => Object.hasOwn(READERS, name);

/** Detects the format from the file's content; the first match wins. */
const SIGNS: [SourceFormat, RegExp][] = [
  ['ldif', /^\s*(?:#[^\n]*\n\s*)*(?:version:\s*\d|dn::? )/],
  ['django', /^\s*\[[^{]*\{\s*"model":\s*"[\w.]+"/],
  ['cognito', /^\s*\{\s*"Users":\s*\[|^\s*\[?\s*\{[^}]*"UserCreateDate"|^[^\n]*cognito:username/],
  ['firebase', /^\s*\{\s*"users":\s*\[\s*\{\s*"localId"/],
  [
    'supabase',
    /^\s*\[?\s*\{[^}]*"encrypted_password"|^[^\n]*\bencrypted_password\b[^\n]*\braw_user_meta_data\b|^[^\n]*\braw_user_meta_data\b[^\n]*\bencrypted_password\b/,
  ],
  [
    'wordpress',
    /^[^\n]*\buser_login\b[^\n]*\buser_pass\b|"user_login"[\s\S]*"user_pass"|^\s*\[\s*\{\s*"type"\s*:\s*"header"[\s\S]*wp_users/,
  ],
  [
    'auth0',
    /^\s*\[?\s*\{[^\n]*"user_id"\s*:|^\s*\[\s*\{[\s\S]{0,4000}"(?:custom_password_hash|user_id|app_metadata)"|^\s*\{\s*"_id"\s*:\s*\{\s*"\$oid"|^(?:[^\n]*,)?"?user_id"?,[^\n]*\n"?'/,
  ],
  ['keycloak', /"realm"\s*:|"credentialData"|"requiredActions"|"federatedIdentities"/],
  ['ndjson', /^\s*\{/],
];

/**
 * The kind of export of a file.
 * @throws ImportUsage when it is ambiguous.
 */
export function detect({ head, name }: Input, hasMapping: boolean): SourceFormat {
  if (hasMapping) return 'csv';
  const found = SIGNS.find(([, sign]) => sign.test(head));
  if (found) return found[0];
  if (/^[^\s{[][^\n]*[,;\t]/.test(head))
    return /^[\w-]{10,128},[^,\n]*@?[^,\n]*,(?:true|false),/.test(head) ? 'firebase' : 'csv';
  throw new ImportUsage(
    `${name === '-' ? 'standard input' : name} is not recognised: name its format with --from (${Object.keys(READERS).join(', ')})`,
  );
}

/** The model of users in a dump of Django. @throws ImportUsage when none is found. */
export function djangoModel({ head }: Input, named: string | undefined): string {
  const model = named ?? userModelIn(head);
  if (model === undefined) throw new ImportUsage('name the user model with --model app.model');
  return model;
}

/** The rows of a query in another database, under the names of its columns or those of GoTrue. */
export async function* readQuery(databaseUrl: string, query: string, mapping: Mapping): AsyncGenerator<Row> {
  let line = 0;
  let whole: Mapping | undefined;
  for await (const row of rowsOfQuery(databaseUrl, query)) {
    line += 1;
    if (mapping.size === 0 && 'encrypted_password' in row && 'raw_user_meta_data' in row) {
      const of = (name: string) => listOf(row[name]).filter(isRecord);
      yield { line, ...recordOfUser(row, of('identities'), of('factors')) };
      continue;
    }
    whole ??= mappingFor(Object.keys(row), mapping);
    yield { line, record: mapped(row, whole) };
  }
}

/** The number in a record of a file whose ids can be numbers. */
function numberOf(format: SourceFormat, record: RawRecord, mapping: Mapping, model: string): unknown {
  if (format === 'ndjson') return record['number'];
  if (format === 'csv')
    return record[mapping.get('number')?.column ?? ('number' in record ? 'number' : 'id')];
  if (format === 'django')
    return String(record['model']).toLowerCase() === model.toLowerCase() ? record['pk'] : 0;
  return record['ID'] ?? record['id'];
}

/** Greater numbers are kept, but new ones do not continue after them: there must be room for future registrations. */
const ROOM = MAX_USER_NUMBER - 100_000_000;

const greater = (greatest: number, value: unknown): number => {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > greatest && number <= ROOM ? number : greatest;
};

/** Finds the highest number in a file before the import, so that concurrent registrations get higher ones. */
export async function greatestNumber(
  format: SourceFormat,
  input: Input,
  mapping: Mapping,
  model: string,
): Promise<number> {
  let greatest = 0;
  const isList = /^\s*\[/.test(input.head);
  const rows =
    format === 'ndjson'
      ? objectsByLine(input)
      : format === 'django' || (format === 'wordpress' && isList)
        ? objectsOf(
            input,
            format === 'wordpress' && /"header"/.test(input.head.slice(0, 200)) ? ['data'] : null,
          )
        : format === 'csv' || format === 'wordpress'
          ? rowsOfCsv(input)
          : [];
  for await (const { record } of rows)
    if (record) greatest = greater(greatest, numberOf(format, record, mapping, model));
  return greatest;
}

export const greatestNumberOf = async (rows: AsyncIterable<Row>): Promise<number> => {
  let greatest = 0;
  for await (const { record } of rows) greatest = greater(greatest, record?.['number']);
  return greatest;
};
