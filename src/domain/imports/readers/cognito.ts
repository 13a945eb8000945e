import type { Row } from '../importer.ts';
import type { Warning } from '../problems.ts';
import type { RawRecord } from '../record.ts';
import { rowsOfCsv } from './csv.ts';
import { objectsOf } from './items.ts';
import type { Reader } from './reader.ts';
import {
  flagOf,
  withoutEmpty,
  isRecord,
  jsonOf,
  listOf,
  localeOf,
  nameOf,
  textOf,
  timeOf,
} from './values.ts';

/** The attributes of `list-users`, a list of names and values, by name. */
function flat(user: RawRecord): RawRecord {
  const list = listOf(user['Attributes'] ?? user['UserAttributes']).filter(isRecord);
  return {
    ...Object.fromEntries(list.map((one) => [String(one['Name']), one['Value']])),
    'cognito:username': user['Username'],
    'created': user['UserCreateDate'],
    'enabled': user['Enabled'],
    'status': user['UserStatus'],
    'cognito:mfa_enabled': listOf(user['MFAOptions']).length > 0,
  };
}

function recordOf(user: RawRecord): Omit<Row, 'line'> {
  const warnings: Warning[] = [];
  const username = textOf(user['cognito:username']);
  const isExternal = user['status'] === 'EXTERNAL_PROVIDER';
  const identities = listOf(jsonOf(user['identities'])).filter(isRecord);
  if (flagOf(user['cognito:mfa_enabled']) === true)
    warnings.push({
      code: 'factor_not_imported',
      message: 'Cognito does not export second factors: the user must enrol again',
    });
  const phone = textOf(user['phone_number']);
  const [sub, email] = [textOf(user['sub']), textOf(user['email'])];
  const custom = Object.entries(user).filter(
    ([name, value]) => name.startsWith('custom:') && textOf(value) !== undefined,
  );
  // Where people sign in with their address, the username is the subject.
  const isName = username !== sub && username !== email && !isExternal;
  const record = withoutEmpty({
    source_id: sub ?? username,
    username: isName ? username : undefined,
    email,
    email_verified: flagOf(user['email_verified']),
    name: nameOf(user['name']),
    given_name: nameOf(user['given_name']),
    family_name: nameOf(user['family_name']),
    middle_name: nameOf(user['middle_name']),
    nickname: nameOf(user['nickname']),
    locale: localeOf(user['locale']),
    phone_number: phone !== undefined && /^\+[1-9]\d{6,14}$/.test(phone) ? phone : undefined,
    status: flagOf(user['enabled']) === false ? 'suspended' : 'active',
    created_at: timeOf(user['created']),
    identities: identities.map((one) => ({ provider: one['providerName'], subject: textOf(one['userId']) })),
    attributes: Object.fromEntries(custom.map(([name, value]) => [name.slice('custom:'.length), value])),
  });
  return { record, warnings };
}

/**
 * AWS Cognito: the CSV of its import form, or the output of `list-users`. It gives no hashes: configure a legacy source as well.
 */
export const cognito: Reader = async function* read({ input }) {
  if (/^\s*[{[]/.test(input.head)) {
    const isList = input.head.trimStart().startsWith('[');
    for await (const { line, record, problem } of objectsOf(input, isList ? null : ['Users']))
      yield problem ? { line, problem } : { line, ...recordOf(flat(record ?? {})) };
  } else
    for await (const { line, record, problem } of rowsOfCsv(input))
      yield problem ? { line, problem } : { line, ...recordOf(record ?? {}) };
};
