import { isEmailVerified } from '../ownership/standing.ts';
import type { User } from './user.ts';

/**
 * The claims of a person that are told alike everywhere (OpenID Connect Core section 5.1), null where the account says
 * nothing.
 */
export const standardClaims = (user: Omit<User, 'hasPassword'>) => ({
  name: user.name,
  given_name: user.givenName,
  middle_name: user.middleName,
  family_name: user.familyName,
  nickname: user.nickname,
  profile: user.profile,
  picture: user.picture,
  website: user.website,
  gender: user.gender,
  birthdate: user.birthdate,
  zoneinfo: user.zoneinfo,
  locale: user.locale,
  email_verified: isEmailVerified(user),
  phone_number: user.phoneNumber,
});
