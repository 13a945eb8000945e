import type { Row } from '../importer.ts';
import type { Warning } from '../problems.ts';
import type { RawRecord } from '../record.ts';
import { objectsIn } from './auth0.ts';
import type { Input } from './input.ts';
import { chunksOf, type Reader, stage } from './reader.ts';
import { flagOf, withoutEmpty, ImportUsage, listOf, nameOf, objectOf, textOf, timeOf } from './values.ts';

const IDENTITY = 'supabase identity';
const FACTOR = 'supabase factor';

/** The GoTrue table of a companion. */
function kindOf(input: Input): string {
  if (/provider_id|identity_data/.test(input.head)) return IDENTITY;
  if (/factor_type/.test(input.head)) return FACTOR;
  throw new ImportUsage(`${input.name} is neither auth.identities nor auth.mfa_factors`);
}

async function* recordsOf(rows: AsyncIterable<Row>): AsyncGenerator<RawRecord> {
  for await (const { record } of rows) if (record) yield record;
}

/** With GoTrue's encryption, hash and secret are JSON that only its own key opens. */
const isEncrypted = (text: string): boolean => /^\s*\{.*"(alg|data|key_id)"/s.test(text);

function factorsOf(factors: readonly RawRecord[], warnings: Warning[]): RawRecord {
  let secret: string | undefined;
  for (const factor of factors) {
    if (factor['status'] !== 'verified') continue;
    const found = factor['factor_type'] === 'totp' ? textOf(factor['secret']) : undefined;
    if (found !== undefined && secret === undefined && !isEncrypted(found)) secret = found;
    else
      warnings.push({
        code: 'factor_not_imported',
        message: `a factor of the type ${String(factor['factor_type'])} cannot be imported: the user must enrol again`,
      });
  }
  return secret === undefined ? {} : { totp_secret: secret };
}

/** A row of `auth.users`, with its rows of the other tables, as a record. */
export function recordOfUser(
  user: RawRecord,
  identities: readonly RawRecord[],
  factors: readonly RawRecord[],
): Omit<Row, 'line'> {
  const warnings: Warning[] = [];
  if (textOf(user['deleted_at']) !== undefined)
    return { problem: { code: 'deleted', message: 'the account was deleted there', severity: 'warning' } };
  if (flagOf(user['is_anonymous']) === true)
    return {
      problem: {
        code: 'anonymous',
        message: 'an anonymous account, which has no way to sign in',
        severity: 'warning',
      },
    };
  const app = objectOf(user['raw_app_meta_data']);
  const metadata = objectOf(user['raw_user_meta_data']);
  const hash = textOf(user['encrypted_password']);
  const phone = textOf(user['phone']);
  const banned = timeOf(user['banned_until']);
  const isBanned = typeof banned === 'string' && Date.parse(banned) > Date.now();
  const readable = hash !== undefined && !isEncrypted(hash);
  if (hash !== undefined && !readable)
    warnings.push({
      code: 'hash_unknown_format',
      message:
        'the hash is encrypted with a key of GoTrue: decrypt the table first; imported without a password',
    });
  const { provider: _provider, providers: _providers, roles, ...rest } = app;
  const record = withoutEmpty({
    source_id: user['id'],
    email: textOf(user['email']),
    email_verified: textOf(user['email_confirmed_at'] ?? user['confirmed_at']) !== undefined,
    email_verified_at: timeOf(textOf(user['email_confirmed_at'] ?? user['confirmed_at'])),
    phone_number:
      phone !== undefined && /^\+?[1-9]\d{6,14}$/.test(phone) ? `+${phone.replace('+', '')}` : undefined,
    phone_number_verified_at: phone === undefined ? undefined : timeOf(textOf(user['phone_confirmed_at'])),
    name: nameOf(metadata['full_name']) ?? nameOf(metadata['name']),
    picture: /^https:\/\/\S+$/.test(String(metadata['avatar_url'])) ? metadata['avatar_url'] : undefined,
    status: isBanned ? 'suspended' : 'active',
    roles: listOf(roles),
    created_at: timeOf(textOf(user['created_at'])),
    last_login_at: timeOf(textOf(user['last_sign_in_at'])),
    identities: identities
      .filter(({ provider }) => provider !== 'email' && provider !== 'phone')
      .map((one) => ({
        provider: one['provider'],
        subject:
          textOf(one['provider_id']) ?? textOf(objectOf(one['identity_data'])['sub']) ?? textOf(one['id']),
      })),
    attributes: withoutEmpty({ app_metadata: rest, user_metadata: metadata }),
    password_hash: readable ? hash : undefined,
    ...factorsOf(factors, warnings),
  });
  return { record, warnings };
}

const keyOf = (row: RawRecord): string | undefined => textOf(row['user_id']);

/** Supabase: `auth.users` as JSON or CSV, with `auth.identities` and `auth.mfa_factors` beside it. */
export const supabase: Reader = async function* read({ input, companions, staging }) {
  for (const companion of companions)
    await stage(staging, kindOf(companion), recordsOf(objectsIn(companion)), keyOf);
  const hasMore = companions.length > 0;
  for await (const rows of chunksOf(objectsIn(input))) {
    const ids = rows.flatMap(({ record }) => textOf(record?.['id']) ?? []);
    const of = (kind: string) =>
      hasMore ? staging.of<RawRecord>(kind, ids) : new Map<string, RawRecord[]>();
    const identities = await of(IDENTITY);
    const factors = await of(FACTOR);
    for (const { line, record, problem } of rows) {
      const id = textOf(record?.['id']) ?? '';
      if (problem) yield { line, problem };
      else if (record)
        yield { line, ...recordOfUser(record, identities.get(id) ?? [], factors.get(id) ?? []) };
    }
  }
};
