import type { Row } from '../importer.ts';
import type { Problem, Warning } from '../problems.ts';
import type { RawRecord } from '../record.ts';
import { rowsOfCsv } from './csv.ts';
import type { Input } from './input.ts';
import { objectsOf } from './items.ts';
import { objectsByLine } from './ndjson.ts';
import { chunksOf, type Reader, stage } from './reader.ts';
import {
  flagOf,
  withoutEmpty,
  isRecord,
  listOf,
  localeOf,
  nameOf,
  objectOf,
  textOf,
  timeOf,
} from './values.ts';

/** Objects of a file in any form: a list, one per line, or a table whose texts begin with `'`. */
export async function* objectsIn(input: Input): AsyncGenerator<Row> {
  const start = input.head.trimStart();
  if (start.startsWith('[')) yield* objectsOf(input, null);
  else if (start.startsWith('{')) yield* objectsByLine(input);
  else
    for await (const { line, record, problem } of rowsOfCsv(input)) {
      const bare =
        record &&
        Object.fromEntries(Object.entries(record).map(([name, cell]) => [name, cell.replace(/^'/, '')]));
      yield bare ? { line, record: bare } : problem ? { line, problem } : { line };
    }
}

/** The owner of a hash in the password export: `auth0|` and the user's id there. */
function ownerOf(hash: RawRecord): string | undefined {
  const id = textOf(hash['alt_id']) ?? textOf(objectOf(hash['_id'])['$oid']) ?? textOf(hash['_id']);
  return id === undefined ? undefined : `auth0|${id}`;
}

/** A hash in Auth0's import format. */
function customHash(custom: Record<string, unknown>): RawRecord {
  const hash = isRecord(custom['hash']) ? custom['hash'] : {};
  const salt = isRecord(custom['salt']) ? custom['salt'] : {};
  const password = isRecord(custom['password']) ? custom['password'] : {};
  const value = textOf(hash['value']);
  const name = (textOf(custom['algorithm']) ?? '').toLowerCase();
  if (value === undefined) return {};
  // These contain their parameters.
  if (/^(bcrypt|argon2|pbkdf2|scrypt|ldap)$/.test(name) && /^[${]/.test(value))
    return { password_hash: value };
  const key = isRecord(hash['key']) ? hash['key'] : {};
  return {
    password_hash: value,
    password_hash_format: name === 'hmac' || name === 'scrypt' ? name : 'digest',
    password_hash_params: withoutEmpty({
      ...(name !== 'hmac' && name !== 'scrypt' && { algorithm: name }),
      ...(name === 'hmac' && { algorithm: hash['digest'], key: key['value'], key_encoding: key['encoding'] }),
      ...(name === 'scrypt' && {
        cost: custom['cost'],
        block_size: custom['blockSize'],
        parallelization: custom['parallelization'],
      }),
      encoding: hash['encoding'],
      salt: salt['value'],
      salt_encoding: salt['encoding'],
      salt_position: name === 'scrypt' ? undefined : salt['position'],
      password_encoding: password['encoding'],
    }),
  };
}

function passwordOf(user: RawRecord, hash: RawRecord | undefined): RawRecord {
  const plain =
    textOf(user['password_hash']) ?? textOf(user['passwordHash']) ?? textOf(hash?.['passwordHash']);
  if (plain !== undefined) return { password_hash: plain };
  return isRecord(user['custom_password_hash']) ? customHash(user['custom_password_hash']) : {};
}

function totpOf(user: RawRecord, warnings: Warning[]): unknown {
  let secret: unknown;
  for (const factor of listOf(user['mfa_factors']).filter(isRecord)) {
    const totp = isRecord(factor['totp']) ? factor['totp']['secret'] : undefined;
    if (totp !== undefined && secret === undefined) secret = totp;
    else
      warnings.push({
        code: 'factor_not_imported',
        message: `a factor (${Object.keys(factor).join(', ')}) cannot be imported: the user must enrol again`,
      });
  }
  return secret;
}

const DATABASE = 'auth0';

function recordOf(user: RawRecord, hash: RawRecord | undefined): Omit<Row, 'line'> {
  const warnings: Warning[] = [];
  const id = textOf(user['user_id']) ?? textOf(user['Id']) ?? textOf(user['id']);
  const identities = listOf(user['identities']).filter(isRecord);
  const metadata = withoutEmpty({ app_metadata: user['app_metadata'], user_metadata: user['user_metadata'] });
  const identifiers = listOf(hash?.['identifiers']).filter(isRecord);
  const email =
    textOf(user['email']) ??
    textOf(hash?.['email']) ??
    identifiers.find(({ type }) => type === 'email')?.['value'];
  const name = nameOf(user['name']);
  const record = withoutEmpty({
    source_id: id ?? email,
    username: user['username'],
    email,
    email_verified: flagOf(user['email_verified']),
    // Auth0 writes the address for a missing name.
    name: name === email ? undefined : name,
    given_name: nameOf(user['given_name']),
    family_name: nameOf(user['family_name']),
    nickname: nameOf(user['nickname']),
    picture: /^https:\/\/\S+$/.test(String(user['picture'])) ? user['picture'] : undefined,
    locale: localeOf(user['locale']),
    status: flagOf(user['blocked']) === true ? 'suspended' : 'active',
    created_at: timeOf(user['created_at']),
    last_login_at: timeOf(user['last_login']),
    identities: identities
      .filter(({ provider }) => provider !== DATABASE)
      .map((one) => ({ provider: one['provider'], subject: textOf(one['user_id']) })),
    attributes: metadata,
    totp_secret: totpOf(user, warnings),
    ...passwordOf(user, hash),
  });
  return { record, warnings };
}

async function* withoutProblems(
  rows: AsyncIterable<Row>,
  file: string,
  tell: (problem: Problem) => void,
): AsyncGenerator<RawRecord> {
  for await (const { line, record, problem } of rows) {
    if (problem) tell({ line, ...problem, file });
    if (record) yield record;
  }
}

const HASH = 'auth0 hash';

/** Auth0: exported profiles, with the export of hashes beside them; or its import format. */
export const auth0: Reader = async function* read({ input, companions, staging, tell }) {
  for (const companion of companions)
    await stage(staging, HASH, withoutProblems(objectsIn(companion), companion.name, tell), ownerOf);
  for await (const rows of chunksOf(objectsIn(input))) {
    const ids = rows.flatMap(({ record }) => textOf(record?.['user_id']) ?? []);
    const hashes =
      companions.length > 0 ? await staging.of<RawRecord>(HASH, ids) : new Map<string, RawRecord[]>();
    for (const { line, record, problem } of rows) {
      if (problem) yield { line, problem };
      if (!record) continue;
      // An export of hashes only, when the profiles are not available.
      const isHash = record['passwordHash'] !== undefined && record['user_id'] === undefined;
      const whole = isHash ? { ...record, user_id: ownerOf(record) } : record;
      yield {
        line,
        ...recordOf(whole, hashes.get(textOf(record['user_id']) ?? '')?.[0] ?? (isHash ? record : undefined)),
      };
    }
  }
  const left = await staging.unclaimed(HASH, 100);
  for (const key of left.keys)
    tell({
      line: 0,
      code: 'hash_without_user',
      message: `the hash of ${key} has no profile: export the profiles again`,
      severity: 'warning',
    });
};
