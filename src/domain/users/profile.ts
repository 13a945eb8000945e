import type { UserChanges } from '../../storage/users.ts';
import { parseEmail, parseLocale, parseName, parseUsername } from '../identifiers.ts';
import { parseRoles } from './roles.ts';

/** The data of an account that its owner or an operator gives. Null takes a value away, undefined says nothing. */
export interface Profile {
  email?: string | undefined;
  username?: string | null | undefined;
  name?: string | null | undefined;
  givenName?: string | null | undefined;
  familyName?: string | null | undefined;
  locale?: string | null | undefined;
  roles?: string[] | undefined;
}

/**
 * The columns that a profile sets, each checked.
 * @throws DomainError invalid_username, invalid_email, invalid_request with the field.
 */
export function parseProfile({ email, username, locale, roles, ...names }: Profile): UserChanges {
  const changes: UserChanges = email === undefined ? {} : parseEmail(email);
  if (username === null) Object.assign(changes, { username: null, usernameKey: null });
  if (typeof username === 'string') Object.assign(changes, parseUsername(username));
  for (const field of ['name', 'givenName', 'familyName'] as const) {
    const name = names[field];
    if (name !== undefined) changes[field] = name === null ? null : parseName(field, name);
  }
  if (locale !== undefined) changes.locale = locale === null ? null : parseLocale(locale);
  if (roles !== undefined) changes.roles = parseRoles(roles);
  return changes;
}
