import { type DomainError, isDomainError } from '../../core/errors.ts';
import type { UserChanges } from '../../storage/users.ts';
import { parseEmail, parseLocale, parseName, parseUsername } from '../identifiers.ts';
import {
  type AddressParts,
  parseAddress,
  parseBirthdate,
  parseGender,
  parsePhoneNumber,
  parseUrl,
  parseZoneinfo,
} from './claims.ts';
import { parseRoles } from './roles.ts';

/** The names of what is said of a person in one text, as its columns are called. */
export type ProfileText =
  | 'name'
  | 'givenName'
  | 'middleName'
  | 'familyName'
  | 'nickname'
  | 'profile'
  | 'picture'
  | 'website'
  | 'gender'
  | 'birthdate'
  | 'zoneinfo'
  | 'locale'
  | 'phoneNumber';

/** The data of an account that its owner or an operator gives. Null takes a value away, undefined says nothing. */
export type Profile = { [Name in ProfileText]?: string | null | undefined } & {
  email?: string | undefined;
  username?: string | null | undefined;
  address?: AddressParts | null | undefined;
  roles?: string[] | undefined;
};

const named = (field: string) => (value: string) => parseName(field, value);
const url = (field: string) => (value: string) => parseUrl(field, value);

const PARSERS: Readonly<Record<ProfileText, (value: string, now: number) => string>> = {
  name: named('name'),
  givenName: named('givenName'),
  middleName: named('middleName'),
  familyName: named('familyName'),
  nickname: named('nickname'),
  profile: url('profile'),
  picture: url('picture'),
  website: url('website'),
  gender: parseGender,
  birthdate: parseBirthdate,
  zoneinfo: parseZoneinfo,
  locale: parseLocale,
  phoneNumber: parsePhoneNumber,
};

/**
 * The columns that a profile sets, each checked, and what is wrong with the others.
 * @param now milliseconds since the epoch.
 */
export function readProfile(profile: Profile, now: number): { columns: UserChanges; errors: DomainError[] } {
  const columns: UserChanges = {};
  const errors: DomainError[] = [];
  const read = (parse: () => UserChanges): void => {
    try {
      Object.assign(columns, parse());
    } catch (error) {
      if (!isDomainError(error)) throw error;
      errors.push(error);
    }
  };
  const { email, username, address, roles } = profile;
  if (email !== undefined) read(() => parseEmail(email));
  if (username === null) Object.assign(columns, { username: null, usernameKey: null });
  else if (username !== undefined) read(() => parseUsername(username));
  for (const name of Object.keys(PARSERS) as ProfileText[]) {
    const value = profile[name];
    if (value !== undefined) read(() => ({ [name]: value === null ? null : PARSERS[name](value, now) }));
  }
  if (address !== undefined) read(() => ({ address: address && parseAddress(address) }));
  if (roles !== undefined) read(() => ({ roles: parseRoles(roles) }));
  return { columns, errors };
}

/**
 * The columns that a profile sets.
 * @throws DomainError invalid_username, invalid_email, invalid_request with the field: the first that is wrong.
 */
export function parseProfile(profile: Profile, now: number): UserChanges {
  const { columns, errors } = readProfile(profile, now);
  if (errors[0]) throw errors[0];
  return columns;
}
