/**
 * Maps accounts to SCIM users and back. Names, email address and status live on the account. Other attributes are
 * stored as the directory sent them, and copied to the account where it has a matching field.
 */
import { isDeepStrictEqual } from 'node:util';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { foldCase, textOf } from '../../core/text.ts';
import { ATTRIBUTES_SCHEMA } from '../../storage/directory-conditions.ts';
import type { EntryRecord } from '../../storage/directory.ts';
import type { UserRecord } from '../../storage/users.ts';
import { parseUsername } from '../identifiers.ts';
import { emailKeyOf } from '../lookup.ts';
import type { AccountChanges } from '../users/changes.ts';
import { PROFILE_FIELDS, type ProfileText } from '../users/profile-fields.ts';
import { ScimError } from './errors.ts';
import { isEmpty, isObject, type Resource } from './values.ts';

/** Attributes not stored with the entry: they live on the account or are dropped. */
const OF_THE_ACCOUNT = new Set([
  'schemas',
  'id',
  'meta',
  'groups',
  'externalId',
  'userName',
  'displayName',
  'nickName',
  'active',
  'password',
  ATTRIBUTES_SCHEMA,
]);
const NAMES = ['givenName', 'familyName', 'middleName'] as const;
const ROLE_OF_ALL = 'user';
const MAX_NAME_LENGTH = 256;
/** Maximum size of an entry, in characters of JSON. */
const MAX_ENTRY_LENGTH = 65_536;

/** Removes absent values. */
export const compact = (resource: Resource): Resource =>
  Object.fromEntries(
    Object.entries(resource).filter(
      ([, value]) => !isEmpty(value) && !(isObject(value) && Object.keys(value).length === 0),
    ),
  );

const listOf = (value: unknown): Resource[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The role names in a resource. */
export const rolesIn = (resource: Resource): string[] =>
  listOf(resource['roles']).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));

/** The roles that a directory may see, without the one that every account has. */
const shownRoles = ({ roles }: Pick<UserRecord, 'roles'>) => roles.filter((role) => role !== ROLE_OF_ALL);

export const userNameOf = (user: UserRecord, entry: EntryRecord | null): string =>
  entry?.userName ?? user.username ?? user.email;

/** The entry of an account that no directory manages. */
const seedOf = ({ locale, zoneinfo, phoneNumber, profile }: UserRecord): Resource => ({
  preferredLanguage: locale,
  timezone: zoneinfo,
  phoneNumbers: phoneNumber === null ? [] : [{ value: phoneNumber, type: 'work', primary: true }],
  profileUrl: profile,
});

/**
 * An account's resource, without its groups.
 * @param known the existing roles among those the directory named.
 * @param defined the visible custom attributes.
 */
export function resourceOf(
  user: UserRecord,
  entry: EntryRecord | null,
  known: ReadonlySet<string>,
  defined: Resource,
): Resource {
  const kept = entry ? entry.attributes : seedOf(user);
  const name = isObject(kept['name']) ? kept['name'] : {};
  const emails = listOf(kept['emails'] ?? [{ type: 'work', primary: true }]);
  const held = shownRoles(user);
  const named = listOf(kept['roles']).filter(
    ({ value }) => typeof value !== 'string' || held.includes(value) || !known.has(value),
  );
  const others = held.filter((role) => !named.some(({ value }) => value === role));
  return compact({
    ...kept,
    externalId: user.externalId,
    userName: userNameOf(user, entry),
    name: compact({ ...name, ...Object.fromEntries(NAMES.map((part) => [part, user[part]])) }),
    displayName: user.name,
    nickName: user.nickname,
    active: user.status === 'active',
    emails: emails.map((email) => ({ ...email, value: email['value'] ?? user.email })),
    roles: [...named, ...others.map((value) => ({ value }))],
    [ATTRIBUTES_SCHEMA]: defined,
  });
}

/** A name for the person, made of its parts, when a new or whole resource has none. */
export function withDisplayName(resource: Resource): Resource {
  if (resource['displayName'] !== undefined || !isObject(resource['name'])) return resource;
  const { formatted, givenName, familyName } = resource['name'];
  const parts = [givenName, familyName].filter((part) => typeof part === 'string').join(' ');
  const displayName = formatted ?? (parts === '' ? undefined : parts);
  return displayName === undefined ? resource : { ...resource, displayName };
}

/** The account's address: the primary one, else the one for work, else the first. */
const mainOf = (values: Resource[]): Resource | undefined =>
  values.find(({ primary }) => primary === true) ?? values.find(({ type }) => type === 'work') ?? values[0];

const addressesOf = (resource: Resource): Resource[] =>
  listOf(resource['emails']).filter(({ value }) => !isEmpty(value));

const mainText = (resource: Resource, name: string): string | null =>
  textOf(mainOf(listOf(resource[name]).filter(({ value }) => !isEmpty(value)))?.['value']);

/** Picks valid values for the account from the directory's; the first valid one wins. */
const PASSED_ON: readonly [ProfileText, (resource: Resource) => (string | null)[]][] = [
  ['locale', ({ preferredLanguage, locale }) => [textOf(preferredLanguage), textOf(locale)]],
  ['zoneinfo', ({ timezone }) => [textOf(timezone)]],
  ['phoneNumber', (resource) => [mainText(resource, 'phoneNumbers')]],
  ['profile', ({ profileUrl }) => [textOf(profileUrl)]],
  ['picture', (resource) => [mainText(resource, 'photos')]],
];

/** The text in an account's form; null when invalid. */
function fitting(name: ProfileText, text: string | null, now: number): string | null {
  const field = PROFILE_FIELDS.find((one) => one.name === name);
  if (text === null || !field) return null;
  try {
    // Exchange writes languages as en_US.
    return field.parse(name, name === 'locale' ? text.replaceAll('_', '-') : text, now);
  } catch (error) {
    if (isDomainError(error)) return null;
    throw error;
  }
}

const passedOn = (resource: Resource, now: number): Map<ProfileText, string | null> =>
  new Map(
    PASSED_ON.map(([name, read]) => [
      name,
      read(resource)
        .map((text) => fitting(name, text, now))
        .find((text) => text !== null) ?? null,
    ]),
  );

/** The effect of a directory's request. */
export interface PersonInput {
  changes: Omit<AccountChanges, 'roles'> & { email?: string };
  externalId: string | null;
  isActive: boolean;
  /** Roles that it newly names, and roles that it no longer names. */
  roles: { named: string[]; dropped: string[] };
  entry: Omit<EntryRecord, 'accountId'>;
  /** Changes to attributes stored only with the entry, by SCIM names; null for none. */
  kept: { before: Resource; after: Resource } | null;
}

const refuse = (detail: string): never => {
  throw new ScimError('invalidValue', detail);
};

function userNameIn({ userName }: Resource): string {
  const name = typeof userName === 'string' ? userName.trim() : '';
  if (name === '') return refuse('A user needs a userName');
  return name.length > MAX_NAME_LENGTH
    ? refuse(`userName may have at most ${MAX_NAME_LENGTH} characters`)
    : name;
}

/** Whether somebody could choose it as their username here. */
function isUsername(text: string): boolean {
  try {
    return parseUsername(text).username !== '';
  } catch (error) {
    if (isDomainError(error)) return false;
    throw error;
  }
}

/** The stored part of a resource. The account's own email value is removed, so that it is stored once. */
function keptOf(resource: Resource): Resource {
  const emails = addressesOf(resource);
  const main = mainOf(emails);
  const kept = Object.fromEntries(Object.entries(resource).filter(([name]) => !OF_THE_ACCOUNT.has(name)));
  const {
    givenName: _g,
    familyName: _f,
    middleName: _m,
    ...name
  } = isObject(kept['name']) ? kept['name'] : {};
  const all = compact({
    ...kept,
    name,
    emails: emails.map((email) => {
      const { value, ...rest } = email;
      return email === main ? rest : { ...rest, value };
    }),
  });
  if (JSON.stringify(all).length > MAX_ENTRY_LENGTH) return refuse('The user has too much data');
  return all;
}

/** Changes of custom attributes; null removes one. */
function definedChanges(next: unknown, before: unknown): Resource {
  const [is, was] = [isObject(next) ? next : {}, isObject(before) ? before : {}];
  const names = [...new Set([...Object.keys(is), ...Object.keys(was)])];
  const changed = names.filter((name) => !isDeepStrictEqual(is[name], was[name]));
  return Object.fromEntries(changed.map((name) => [name, is[name] ?? null]));
}

function keptChanges(before: Resource, next: Resource): PersonInput['kept'] {
  const named = (of: Resource) => ({ userName: of['userName'], externalId: of['externalId'], ...keptOf(of) });
  const was: Resource = named(before);
  const is: Resource = named(next);
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const changed = names.filter((name) => !isDeepStrictEqual(was[name], is[name]));
  if (changed.length === 0) return null;
  const only = (of: Resource) => Object.fromEntries(changed.map((name) => [name, of[name] ?? null]));
  return { before: only(was), after: only(is) };
}

/**
 * The changes when a directory sends `next` for an account that it would have read as `before`; for a new account, `before` is
 * empty and `user` null.
 * @param now milliseconds since the epoch.
 * @throws ScimError invalidValue.
 */
export function readPerson(
  next: Resource,
  before: Resource,
  user: UserRecord | null,
  now: number,
): PersonInput {
  const userName = userNameIn(next);
  const changes: PersonInput['changes'] = {};
  const name = isObject(next['name']) ? next['name'] : {};
  const texts: [ProfileText, unknown][] = [
    ['name', next['displayName']],
    ['nickname', next['nickName']],
    ...NAMES.map((part): [ProfileText, unknown] => [part, name[part]]),
  ];
  for (const [field, value] of texts)
    if ((user?.[field] ?? null) !== textOf(value)) changes[field] = textOf(value);
  const [was, is] = [passedOn(before, now), passedOn(next, now)];
  for (const [field, value] of is) if (value !== (was.get(field) ?? null)) changes[field] = value;
  const email = textOf(mainOf(addressesOf(next))?.['value']) ?? user?.email ?? userName;
  if (!user && emailKeyOf(email) === null && email === userName)
    return refuse('A user needs an email address, in emails or as userName');
  if (email !== user?.email) changes.email = email;
  if (userName !== before['userName']) {
    if (isUsername(userName)) changes.username = userName;
    // The one derived from the former name.
    else if (user?.username && user.username === before['userName']) changes.username = null;
  }
  const defined = definedChanges(next[ATTRIBUTES_SCHEMA], before[ATTRIBUTES_SCHEMA]);
  if (Object.keys(defined).length > 0) changes.attributes = { by: 'operator', values: defined };
  if (typeof next['password'] === 'string') changes.password = next['password'];
  const [named, had] = [new Set(rolesIn(next)), new Set(rolesIn(before))];
  return {
    changes,
    externalId: textOf(next['externalId']),
    isActive: next['active'] !== false,
    roles: { named: [...named.difference(had)], dropped: [...had.difference(named)] },
    entry: {
      userName,
      userNameKey: foldCase(userName),
      emailKeys: [...new Set(addressesOf(next).flatMap(({ value }) => emailKeyOf(String(value)) ?? []))],
      attributes: keptOf(next),
    },
    kept: keptChanges(before, next),
  };
}

/** @throws DomainError username_taken, when another account has this name in the directory. */
export function refuseTaken(ids: readonly string[], exceptId: string | null): void {
  if (ids.some((id) => id !== exceptId)) throw new DomainError('username_taken', { field: 'userName' });
}
