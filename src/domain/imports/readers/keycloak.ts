import type { Row } from '../importer.ts';
import type { Warning } from '../problems.ts';
import type { RawRecord } from '../record.ts';
import { objectsOf } from './items.ts';
import type { Reader } from './reader.ts';
import {
  base32,
  withoutEmpty,
  isRecord,
  listOf,
  localeOf,
  nameOf,
  objectOf,
  textOf,
  timeOf,
} from './values.ts';

/** Roles that every user of a realm has. */
const OF_ALL = /^(default-roles-.*|offline_access|uma_authorization)$/;

const unpadded = (base64: string): string => base64.replaceAll(/[=\s]/g, '');
const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);

type Credential = Record<string, unknown>;

/** Since Keycloak 8 JSON inside strings, before that flat. */
function partsOf(credential: Credential): { secret: Record<string, unknown>; data: Record<string, unknown> } {
  if (credential['secretData'] !== undefined)
    return { secret: objectOf(credential['secretData']), data: objectOf(credential['credentialData']) };
  const { hashedSaltedValue, value, salt, ...data } = credential;
  return { secret: { value: hashedSaltedValue ?? value, salt }, data };
}

/** A password as a PHC string; undefined when its parameters are unknown. */
function passwordOf(credential: Credential): RawRecord {
  const { secret, data } = partsOf(credential);
  const [hash, salt] = [textOf(secret['value']), textOf(secret['salt'])];
  if (hash === undefined) return {};
  const algorithm = textOf(data['algorithm']) ?? (salt === undefined ? 'plain' : 'pbkdf2');
  if (algorithm === 'plain') return { password_hash: hash, password_hash_format: 'plain' };
  // Extensions store the whole string as the value.
  if (hash.startsWith('$') || salt === undefined) return { password_hash: hash };
  const iterations = textOf(data['hashIterations']);
  if (algorithm === 'argon2') {
    const more = isRecord(data['additionalParameters']) ? data['additionalParameters'] : {};
    const of = (name: string, fallback: unknown) => textOf(first(more[name])) ?? String(fallback);
    const version = of('version', '1.3') === '1.0' ? 16 : 19;
    const costs = `m=${of('memory', 7168)},t=${iterations ?? 5},p=${of('parallelism', 1)}`;
    return {
      password_hash: `$argon2${of('type', 'id')}$v=${version}$${costs}$${unpadded(salt)}$${unpadded(hash)}`,
    };
  }
  const digest = /^pbkdf2(?:-(sha\d+))?$/i.exec(algorithm);
  if (!digest) return { password_hash: hash, password_hash_format: algorithm };
  const length = Buffer.from(hash, 'base64').length;
  const name = digest[1] === undefined ? 'sha1' : digest[1].toLowerCase();
  return {
    password_hash: `$pbkdf2-${name}$i=${iterations ?? 1},l=${length}$${unpadded(salt)}$${unpadded(hash)}`,
  };
}

function totpOf(credential: Credential): RawRecord {
  const { secret, data } = partsOf(credential);
  const value = textOf(secret['value']);
  if (value === undefined) return {};
  const { secretEncoding, algorithm, digits, period } = data;
  return withoutEmpty({
    // The text is the key itself, unless it says otherwise.
    totp_secret: secretEncoding === 'BASE32' ? value : base32(Buffer.from(value)),
    totp: withoutEmpty({ algorithm: textOf(algorithm), digits, period }),
  });
}

function recoveryCodesOf(credential: Credential): unknown[] {
  const { secret } = partsOf(credential);
  const codes = listOf(secret['codes']);
  return codes.flatMap((code) => {
    const hash = isRecord(code) ? textOf(code['encodedHashedValue']) : undefined;
    return hash === undefined
      ? []
      : [{ hash, format: 'digest', params: { algorithm: 'sha512', encoding: 'base64' } }];
  });
}

function credentialsOf(credentials: readonly Credential[]): { fields: RawRecord; warnings: Warning[] } {
  const fields: RawRecord = {};
  const warnings: Warning[] = [];
  const not = (code: Warning['code'], message: string) => void warnings.push({ code, message });
  for (const credential of credentials) {
    const type = textOf(credential['type']) ?? '';
    if (type === 'password' || type === 'password-history') {
      if (type === 'password-history') continue;
      const password = passwordOf(credential);
      if (fields['password_hash'] !== undefined)
        not('second_password_dropped', 'the user has a second password: the first is imported');
      else
        Object.assign(
          fields,
          password,
          password['password_hash'] !== undefined &&
            withoutEmpty({ password_changed_at: timeOf(credential['createdDate']) }),
        );
    } else if (
      type === 'totp' ||
      (type === 'otp' && objectOf(credential['credentialData'])['subType'] !== 'hotp')
    ) {
      if (fields['totp_secret'] !== undefined)
        not('factor_not_imported', 'a second authenticator app: the first is imported');
      else Object.assign(fields, totpOf(credential));
    } else if (type === 'recovery-authn-codes') fields['recovery_codes'] = recoveryCodesOf(credential);
    else
      not(
        'factor_not_imported',
        `a credential of the type ${type} cannot be imported: the user must enrol again`,
      );
  }
  return { fields, warnings };
}

/** A user of a realm as a record; a problem if it is none. */
function userOf(user: RawRecord): Omit<Row, 'line'> {
  if (user['serviceAccountClientId'] !== undefined)
    return {
      problem: {
        code: 'service_account',
        message: 'the service account of a client, not a person',
        severity: 'warning',
      },
    };
  const {
    locale,
    phoneNumber: _phoneNumber,
    ...attributes
  } = isRecord(user['attributes']) ? user['attributes'] : {};
  const { fields, warnings } = credentialsOf(listOf(user['credentials']).filter(isRecord));
  const clientRoles = isRecord(user['clientRoles']) ? user['clientRoles'] : {};
  const realmRoles = listOf(user['realmRoles']).filter(
    (role) => typeof role === 'string' && !OF_ALL.test(role),
  );
  const record = withoutEmpty({
    source_id: user['id'] ?? user['username'],
    id: user['id'],
    username: user['username'],
    email: user['email'],
    email_verified: user['emailVerified'] === true,
    name: nameOf(
      [user['firstName'], user['lastName']].filter((part) => textOf(part) !== undefined).join(' '),
    ),
    given_name: nameOf(user['firstName']),
    family_name: nameOf(user['lastName']),
    locale: localeOf(first(locale)),
    status: user['enabled'] === false ? 'suspended' : 'active',
    roles: realmRoles,
    groups: user['groups'],
    created_at: timeOf(user['createdTimestamp']),
    identities: listOf(user['federatedIdentities'])
      .filter(isRecord)
      .map((one) => ({ provider: one['identityProvider'], subject: one['userId'] })),
    attributes: { ...attributes, ...(Object.keys(clientRoles).length > 0 && { clientRoles }) },
    ...fields,
  });
  return { record, warnings };
}

/** Keycloak: a realm with its users, or files with users only. */
export const keycloak: Reader = async function* read({ input, companions }) {
  let before = 0;
  for (const file of [input, ...companions]) {
    let last = 0;
    for await (const { line, record, problem } of objectsOf(file, ['users', 'federatedUsers'])) {
      last = line;
      if (problem) yield { line: before + line, problem };
      else if (record) yield { line: before + line, ...userOf(record) };
    }
    before += last;
  }
};
