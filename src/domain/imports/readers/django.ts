import type { Row } from '../importer.ts';
import type { Warning } from '../problems.ts';
import type { RawRecord } from '../record.ts';
import { objectsOf } from './items.ts';
import type { Input } from './input.ts';
import { chunksOf, type Reader } from './reader.ts';
import { base32, withoutEmpty, isRecord, listOf, nameOf, textOf, timeOf } from './values.ts';

/** A row of `dumpdata`. */
interface Fixture {
  model: string;
  pk: unknown;
  fields: RawRecord;
}

const fixtureOf = (record: RawRecord | undefined): Fixture | null =>
  typeof record?.['model'] === 'string' && isRecord(record['fields'])
    ? { model: record['model'], pk: record['pk'], fields: record['fields'] }
    : null;

const GROUP = 'auth.group';
/** Records that belong to users, with the field that names the user. Natural keys are lists. */
const BELONGINGS: Record<string, string> = {
  'otp_totp.totpdevice': 'user',
  'otp_static.staticdevice': 'user',
  'otp_static.statictoken': 'device',
  'account.emailaddress': 'user',
  'socialaccount.socialaccount': 'user',
};

const keyOf = (value: unknown): string => (Array.isArray(value) ? JSON.stringify(value) : String(value));

/** Keeps everything except the users, wherever it is in the file. */
async function stageBelongings(input: Input, staging: Parameters<Reader>[0]['staging']): Promise<void> {
  for await (const rows of chunksOf(objectsOf(input, null))) {
    const fixtures = rows.flatMap(({ record }) => fixtureOf(record) ?? []);
    await staging.put(
      GROUP,
      fixtures
        .filter(({ model }) => model === GROUP)
        .map(({ pk, fields }) => ({ key: keyOf(pk), value: fields['name'] })),
    );
    for (const [kind, field] of Object.entries(BELONGINGS)) {
      const ofKind = fixtures.filter(({ model }) => model === kind);
      await staging.put(
        kind,
        ofKind.map(({ pk, fields }) => ({ key: keyOf(fields[field]), value: { ...fields, pk } })),
      );
    }
  }
}

function totpOf(devices: readonly RawRecord[], warnings: Warning[]): RawRecord {
  const confirmed = devices.filter((device) => device['confirmed'] !== false);
  if (confirmed.length > 1)
    warnings.push({
      code: 'factor_not_imported',
      message: 'the user has several authenticator apps: the first is imported',
    });
  const [device] = confirmed;
  const key = textOf(device?.['key']);
  if (!device || key === undefined) return {};
  if (!/^(?:[\da-f]{2})+$/i.test(key)) return { totp_secret: key };
  return {
    totp_secret: base32(Buffer.from(key, 'hex')),
    totp: withoutEmpty({ digits: device['digits'], period: device['step'] }),
  };
}

/** User fields that map to an account. Other fields of a custom model become attributes. */
const MEANT = new Set([
  'password',
  'last_login',
  'is_superuser',
  'is_staff',
  'is_active',
  'username',
  'email',
  'first_name',
  'last_name',
  'date_joined',
  'created_at',
  'groups',
  'user_permissions',
  'name',
  'full_name',
]);

interface Belongings {
  groups: ReadonlyMap<string, unknown[]>;
  of(kind: string): readonly RawRecord[];
  codes: readonly RawRecord[];
}

function recordOf({ pk, fields }: Fixture, { groups, of, codes }: Belongings): Omit<Row, 'line'> {
  const warnings: Warning[] = [];
  const hash = textOf(fields['password']);
  const addresses = of('account.emailaddress');
  const primary = addresses.find((one) => one['primary'] === true) ?? addresses[0];
  const email = textOf(fields['email']) ?? textOf(primary?.['email']);
  const address = addresses.find((one) => textOf(one['email'])?.toLowerCase() === email?.toLowerCase());
  const roles = [fields['is_staff'] === true && 'staff', fields['is_superuser'] === true && 'superuser'];
  const rest = Object.entries(fields).filter(([name]) => !MEANT.has(name));
  const record = withoutEmpty({
    source_id: textOf(pk) ?? textOf(fields['username']),
    number: typeof pk === 'number' ? pk : undefined,
    username: textOf(fields['username']),
    email,
    email_verified: address?.['verified'] === true,
    name:
      nameOf(fields['name']) ??
      nameOf(fields['full_name']) ??
      nameOf(
        [fields['first_name'], fields['last_name']].filter((part) => textOf(part) !== undefined).join(' '),
      ),
    given_name: nameOf(fields['first_name']),
    family_name: nameOf(fields['last_name']),
    status: fields['is_active'] === false ? 'suspended' : 'active',
    roles: roles.filter((role) => role !== false),
    groups: listOf(fields['groups']).flatMap((group) =>
      Array.isArray(group) ? [group[0]] : (groups.get(keyOf(group)) ?? []),
    ),
    created_at: timeOf(fields['date_joined'] ?? fields['created_at']),
    last_login_at: timeOf(fields['last_login']),
    // An exclamation mark marks an unusable password.
    password_hash: hash?.startsWith('!') ? undefined : hash,
    recovery_codes: codes.map((token) => token['token']),
    identities: of('socialaccount.socialaccount').map((one) => ({
      provider: one['provider'],
      subject: textOf(one['uid']),
    })),
    attributes: Object.fromEntries(rest.filter(([, value]) => value !== null && value !== '')),
    ...totpOf(of('otp_totp.totpdevice'), warnings),
  });
  return { record, warnings };
}

/** Django: `dumpdata` of `auth.user` or the project's own model, with django-otp and allauth if included. */
export const django: Reader = async function* read({ input, companions, staging, model }) {
  for (const file of [input, ...companions]) await stageBelongings(file, staging);
  let before = 0;
  for (const file of [input, ...companions]) {
    let last = 0;
    for await (const rows of chunksOf(objectsOf(file, null))) {
      const users = rows.flatMap(({ line, record }) => {
        const fixture = fixtureOf(record);
        return fixture?.model.toLowerCase() === model.toLowerCase() ? [{ line, fixture }] : [];
      });
      const keys = users.flatMap(({ fixture: { pk, fields } }) => [
        keyOf(pk),
        keyOf([fields['username']]),
        keyOf([fields['email']]),
      ]);
      const found = new Map<string, Map<string, RawRecord[]>>();
      for (const kind of Object.keys(BELONGINGS))
        if (kind !== 'otp_static.statictoken') found.set(kind, await staging.of<RawRecord>(kind, keys));
      const groups = await staging.of<unknown>(
        GROUP,
        users.flatMap(({ fixture }) => listOf(fixture.fields['groups']).map(keyOf)),
      );
      const devices = [...(found.get('otp_static.staticdevice')?.values() ?? [])].flat();
      const tokens = await staging.of<RawRecord>(
        'otp_static.statictoken',
        devices.map(({ pk }) => keyOf(pk)),
      );
      const byLine = new Map(users.map((user) => [user.line, user.fixture]));
      for (const { line, problem } of rows) {
        last = line;
        const fixture = byLine.get(line);
        if (problem) yield { line: before + line, problem };
        if (!fixture) continue;
        const mine = [
          keyOf(fixture.pk),
          keyOf([fixture.fields['username']]),
          keyOf([fixture.fields['email']]),
        ];
        const of = (kind: string) => mine.flatMap((key) => found.get(kind)?.get(key) ?? []);
        const codes = of('otp_static.staticdevice').flatMap(
          (device) => tokens.get(keyOf(device['pk'])) ?? [],
        );
        yield { line: before + line, ...recordOf(fixture, { groups, of, codes }) };
      }
    }
    before += last;
  }
};

/** The model of users in a dump, if only one is possible. */
export function userModelIn(head: string): string | undefined {
  const models = [...head.matchAll(/"model":\s*"([\w.]+)"/g)].map(([, model]) => model as string);
  return (
    models.find((model) => model === 'auth.user') ??
    models.find((model) => /\.(\w*user|account|member)$/i.test(model) && !(model in BELONGINGS))
  );
}
