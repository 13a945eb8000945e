import type { Row } from '../importer.ts';
import type { RawRecord } from '../record.ts';
import { rowsOfCsv } from './csv.ts';
import { objectsOf } from './items.ts';
import type { Reader } from './reader.ts';
import {
  flagOf,
  withoutEmpty,
  ImportUsage,
  isRecord,
  listOf,
  nameOf,
  objectOf,
  textOf,
  timeOf,
} from './values.ts';
import type { Warning } from '../problems.ts';

/** The providers whose columns every version has; the file does not name later ones. */
const PROVIDERS = ['google.com', 'facebook.com', 'twitter.com', 'github.com'];
const HEAD = ['localId', 'email', 'emailVerified', 'passwordHash', 'salt', 'displayName', 'photoUrl'];
const TAIL = ['createdAt', 'lastSignedInAt', 'phoneNumber', 'disabled', 'customAttributes'];

const base64 = (text: string): string => text.replaceAll('-', '+').replaceAll('_', '/');

/** The column names of a CSV file, which has no header: four for each provider in the middle. */
function columnsFor(count: number): string[] {
  const providers = Math.max(PROVIDERS.length, Math.floor((count - HEAD.length - TAIL.length) / 4));
  const middle = Array.from(
    { length: providers },
    (_, index) => PROVIDERS[index] ?? `another ${index}`,
  ).flatMap((id) => [`${id} rawId`, `${id} email`, `${id} displayName`, `${id} photoUrl`]);
  return [...HEAD, ...middle, ...TAIL, ''];
}

function ofCsv(row: Record<string, unknown>): RawRecord {
  const providerUserInfo = Object.entries(row).flatMap(([column, value]) => {
    const rawId = column.endsWith(' rawId') ? textOf(value) : undefined;
    return rawId === undefined ? [] : [{ providerId: column.slice(0, -' rawId'.length), rawId }];
  });
  return { ...row, providerUserInfo };
}

function recordOf(user: RawRecord): Omit<Row, 'line'> {
  const providers = listOf(user['providerUserInfo']).filter(isRecord);
  const [hash, salt] = [textOf(user['passwordHash']), textOf(user['salt'])];
  const [email, phone] = [textOf(user['email']), textOf(user['phoneNumber'])];
  const warnings: Warning[] = listOf(user['mfaInfo']).map(() => ({
    code: 'factor_not_imported',
    message: 'a phone as a second factor cannot be imported: the user must enrol again',
  }));
  const isUnnamed = ({ providerId }: Record<string, unknown>) => String(providerId).startsWith('another ');
  for (const _one of providers.filter(isUnnamed))
    warnings.push({
      code: 'identity_not_imported',
      message: 'the CSV does not name this provider: export as JSON',
    });
  if (email === undefined && phone === undefined && hash === undefined && providers.length === 0)
    return {
      problem: {
        code: 'anonymous',
        message: 'an anonymous account, which has no way to sign in',
        severity: 'warning',
      },
    };
  const claims = objectOf(user['customAttributes']);
  const isPhone = phone !== undefined && /^\+[1-9]\d{6,14}$/.test(phone);
  const record = withoutEmpty({
    source_id: user['localId'],
    email,
    email_verified: flagOf(user['emailVerified']),
    name: nameOf(user['displayName']),
    picture: /^https:\/\/\S+$/.test(String(user['photoUrl'])) ? user['photoUrl'] : undefined,
    phone_number: isPhone ? phone : undefined,
    status: flagOf(user['disabled']) === true ? 'suspended' : 'active',
    created_at: timeOf(user['createdAt']),
    last_login_at: timeOf(user['lastSignedInAt'] ?? user['lastLoginAt']),
    identities: providers
      .filter((one) => one['providerId'] !== 'password' && one['providerId'] !== 'phone' && !isUnnamed(one))
      .map((one) => ({ provider: one['providerId'], subject: textOf(one['rawId']) })),
    attributes: claims,
    ...(hash !== undefined && {
      password_hash: base64(hash),
      password_hash_format: 'firebase_scrypt',
      password_hash_params: withoutEmpty({ salt: salt && base64(salt) }),
    }),
  });
  return { record, warnings };
}

/** Firebase shows the parameters of its hashes in its console, as text. */
export function firebaseParams(text: string): Record<string, unknown> | null {
  const of = (name: string) => new RegExp(`${name}["']?\\s*[:=]\\s*["']?([\\w+/=-]+)`).exec(text)?.[1];
  const [key, separator] = [
    of('base64_signer_key') ?? of('signer_key') ?? of('signerKey'),
    of('base64_salt_separator') ?? of('salt_separator') ?? of('saltSeparator'),
  ];
  const [rounds, memory] = [of('rounds'), of('mem_cost') ?? of('memoryCost') ?? of('memCost')];
  if (key === undefined || rounds === undefined || memory === undefined) return null;
  return withoutEmpty({
    signer_key: base64(key),
    salt_separator: separator && base64(separator),
    rounds: Number(rounds),
    mem_cost: Number(memory),
  });
}

async function* usersOf({ input }: Pick<Parameters<Reader>[0], 'input'>): AsyncGenerator<Row> {
  if (/^\s*[{[]/.test(input.head)) yield* objectsOf(input, ['users']);
  else {
    const count = input.head.split(/\r?\n/, 1)[0]?.split(',').length ?? 0;
    for await (const row of rowsOfCsv(input, columnsFor(count)))
      yield row.record ? { line: row.line, record: ofCsv(row.record) } : row;
  }
}

/** Firebase: `auth:export` as JSON or CSV, with the hash parameters of its console. */
export const firebase: Reader = async function* read({ input, companions, hashParams }) {
  for (const companion of companions) {
    const params = firebaseParams(companion.head);
    if (!params) throw new ImportUsage(`${companion.name} has no hash parameters of Firebase`);
    Object.assign(hashParams, params);
  }
  for await (const { line, record, problem } of usersOf({ input })) {
    if (problem) yield { line, problem };
    else if (record) yield { line, ...recordOf(record) };
  }
};
