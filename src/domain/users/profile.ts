import { type DomainError, isDomainError } from '../../core/errors.ts';
import type { UserChanges } from '../../storage/users.ts';
import { parseEmail, parseUsername } from '../identifiers.ts';
import { type AddressParts, parseAddress } from './claims.ts';
import { PROFILE_FIELDS, type ProfileText } from './profile-fields.ts';

/** The data of an account that its owner or an operator sets. Null removes a value, undefined changes nothing. */
export type Profile = { [Name in ProfileText]?: string | null | undefined } & {
  email?: string | undefined;
  username?: string | null | undefined;
  address?: AddressParts | null | undefined;
};

/** A profile without the account's present username: one from another service stays, even if a new one could not be like this. */
export const withoutSame = (profile: Profile, account: { username: string | null } | undefined): Profile =>
  typeof profile.username === 'string' && profile.username === account?.username
    ? { ...profile, username: undefined }
    : profile;

/**
 * Validates a profile. Returns the columns to set, and the mistakes.
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
  const { email, username, address } = profile;
  if (email !== undefined) read(() => parseEmail(email));
  if (username === null) Object.assign(columns, { username: null, usernameKey: null });
  else if (username !== undefined) read(() => parseUsername(username));
  for (const { name, parse } of PROFILE_FIELDS) {
    const value = profile[name];
    if (value !== undefined) read(() => ({ [name]: value === null ? null : parse(name, value, now) }));
  }
  if (address !== undefined) read(() => ({ address: address && parseAddress(address) }));
  return { columns, errors };
}

/**
 * The columns that a profile sets.
 * @throws DomainError invalid_username, invalid_email, invalid_request with the first invalid field.
 */
export function parseProfile(profile: Profile, now: number): UserChanges {
  const { columns, errors } = readProfile(profile, now);
  if (errors[0]) throw errors[0];
  return columns;
}
