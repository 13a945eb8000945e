/** Controls of a person's profile, and the changes of its form. */
import type { Attribute } from '../../../domain/attributes/index.ts';
import { PROFILE_FIELDS } from '../../../domain/users/profile-fields.ts';
import type { ManagedChanges } from '../../../domain/operators/accounts.ts';
import type { User } from '../../../domain/users/index.ts';
import { inputOf } from '../../pages/attribute-inputs.ts';
import { fieldLabels } from '../../pages/problems.ts';
import type { ConsoleCall } from '../call.ts';

const ADDRESS = ['street_address', 'postal_code', 'locality', 'region', 'country'] as const;

interface Field {
  name: string;
  label: unknown;
  value: string;
  [setting: string]: unknown;
}

const textOf = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.join('\n');
  return typeof value === 'string' ? value : JSON.stringify(value);
};

const attributeField = (attribute: Attribute, call: ConsoleCall, values: User['attributes']): Field => ({
  name: inputOf(attribute.name),
  label: { text: attribute.titleIn(call.language) },
  type: attribute.isList ? 'textarea' : 'text',
  value: textOf(values[attribute.name]),
  attributes: { maxlength: 2048 },
});

const attributesOf = ({ services }: ConsoleCall): Attribute[] =>
  services.attributes.list('operator').filter(({ mayWrite }) => mayWrite('operator'));

/** All controls, for the partial `console/field`. @param user null for a new account. */
export function profileFields(call: ConsoleCall, user: User | null): Field[] {
  const address: Record<string, unknown> = { ...user?.address };
  return [
    {
      name: 'username',
      label: fieldLabels.username,
      value: user?.username ?? '',
      attributes: { maxlength: 200 },
    },
    ...PROFILE_FIELDS.map(({ name }) => ({
      name,
      label: fieldLabels[name],
      value: user?.[name] ?? '',
      attributes: { maxlength: 2048 },
    })),
    ...ADDRESS.map((name) => ({
      name,
      label: fieldLabels[name],
      value: textOf(address[name]),
      attributes: { maxlength: 600 },
      ...(name === 'street_address' ? { type: 'textarea', rows: 2 } : {}),
    })),
    ...attributesOf(call).map((attribute) => attributeField(attribute, call, user?.attributes ?? {})),
  ];
}

/** The posted fields that differ from `user`. Nothing else is written. */
export function profileChanges(call: ConsoleCall, user: User | null): ManagedChanges {
  const typed = (name: string) => call.raw(name).replaceAll('\r\n', '\n').trim();
  const differing = profileFields(call, user).filter(
    ({ name, value }) => name in ((call.ctx.request.body ?? {}) as object) && typed(name) !== value.trim(),
  );
  const changed = new Map(differing.map(({ name }) => [name, typed(name) || null]));
  const pick = (names: readonly string[]) =>
    Object.fromEntries(names.flatMap((name) => (changed.has(name) ? [[name, changed.get(name)]] : [])));
  const address = pick(ADDRESS);
  const values = Object.fromEntries(
    attributesOf(call).flatMap(({ name, fromText }) => {
      const text = changed.get(inputOf(name));
      if (text === undefined) return [];
      return [[name, text === null ? null : (fromText(text) ?? text)]];
    }),
  );
  return {
    ...pick(['username', ...PROFILE_FIELDS.map(({ name }) => name)]),
    ...(Object.keys(address).length > 0 ? { address } : {}),
    ...(Object.keys(values).length > 0 ? { attributes: { by: 'operator' as const, values } } : {}),
  };
}

/** Form fields that undo the changes, with the values of `user`. */
export function undoFields(call: ConsoleCall, user: User, version: number): Record<string, string> {
  const sent = (call.ctx.request.body ?? {}) as object;
  const before = profileFields(call, user).filter(({ name }) => name in sent);
  return { ...Object.fromEntries(before.map(({ name, value }) => [name, value])), version: String(version) };
}
