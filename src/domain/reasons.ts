/** Explanations of the reasons of domain errors, for developers and operators: problem details and the command line. */
import type { ErrorCode, ErrorDetails } from '../core/errors.ts';
import { PROFILE_FIELDS, type TextKindName } from './users/profile-fields.ts';

/** The requirement on a profile field, where the title does not give it. */
const KIND_DETAILS: Readonly<Record<TextKindName, string | undefined>> = {
  name: 'This must be 1 to 200 printable characters in one line.',
  line: 'This must be 1 to 60 characters in one line.',
  url: 'This must be an https address of at most 2048 characters.',
  birthdate:
    'This must be a date that has been, as YYYY-MM-DD, with the year 0000 to leave it out, or a year alone.',
  timeZone: 'This must be a name of the time zone database, as Europe/Berlin.',
  language: 'This must be a language tag (BCP 47), as de or pt-BR.',
  phoneNumber: 'This must be a number with the code of its country, as +49 30 123456.',
};

const SENTENCES: Readonly<Record<string, string | undefined>> = {
  'invalid_token:missing': 'This needs an access token in the Authorization header.',
  'invalid_token:binding':
    'The token is bound to a key: present it with the DPoP scheme and a proof of the key.',
  'invalid_dpop_proof:replayed': 'This DPoP proof was used before.',
  'insufficient_scope:':
    'The roles behind the access token, as they are now, allow nothing of what its scope names.',
  'forbidden:built_in': 'This comes with Postern, and nobody changes it: make one of your own.',
  'forbidden:oneself':
    'Nobody suspends, disables or deletes themselves, or takes their own permissions away.',
  'forbidden:configured': 'This is what the configuration says, and is changed there alone.',
  'forbidden:viewing': 'This is not done while viewing as another person.',
  'forbidden:service_account': 'This takes a person: a service account has no browser to view in.',
  'forbidden:impersonation_off': 'The setting `impersonation.enabled` is off.',
  'forbidden:operator': 'Nobody views as an operator.',
  'forbidden:suspended': 'The account is suspended.',
  'forbidden:refused': 'The person has refused it.',
  'insufficient_user_authentication:max_age': 'Have the person log in again (max_age).',
  'insufficient_user_authentication:acr_values':
    'Have the person log in again, with a second factor (max_age, acr_values).',
  'invalid_credentials:current': 'The current password is not right.',
  'invalid_credentials:code': 'The code is not right, or was used before.',
  'mfa_required:last_factor': 'The account must have a second factor, and this is its last.',
  'invalid_request:not_a_url':
    'This must be an http or https address of at most 2048 characters, without a name, a password or a fragment.',
  'invalid_request:not_public':
    'Requests go to public addresses over https, and to those that `outbound.allow` lists: this is neither.',
  'invalid_request:empty': 'This must not be empty.',
  'invalid_request:webhook_secret': 'This must be whsec_ and base64 of 24 to 64 bytes.',
  'invalid_request:too_many': 'The account has as many of these as it can have.',
  ...Object.fromEntries(
    PROFILE_FIELDS.map(({ name, kind }) => [`invalid_request:${name}`, KIND_DETAILS[kind]]),
  ),
  'invalid_request:upstream_unavailable': 'The provider cannot be reached there.',
  'invalid_request:upstream_failed': 'What the provider says of itself there cannot be used.',
  'weak_password:too_short': 'The password is too short.',
  'weak_password:too_long': 'The password is too long.',
  'weak_password:common': 'The password is one of the most used ones.',
  'weak_password:unchanged': 'The password is the one that has to be replaced.',
  'weak_password:contains_name': 'The password is little more than a name of the account.',
  'weak_password:invalid_characters': 'The password has a character that cannot be used.',
  'invalid_passkey:malformed': 'This is not what the WebAuthn API gives.',
  'invalid_passkey:challenge': 'The challenge is another one, has expired, or was answered before.',
  'invalid_passkey:origin': 'The passkey was made at another address.',
  'invalid_passkey:rp_id': 'The passkey was made for another site.',
  'invalid_passkey:user_verification': 'The authenticator did not see its user.',
  'invalid_passkey:signature': 'The signature does not fit.',
  'invalid_passkey:already_registered': 'The passkey is known already.',
  'invalid_passkey:unsupported': 'Passkeys need a domain name, and this service has none.',
};

/** The sentence that adds to the title of `code`, by reason, or by field without one. Undefined for most. */
export function sentenceFor(code: ErrorCode, { reason, field = '' }: ErrorDetails): string | undefined {
  const key = `${code}:${reason ?? field}`;
  return Object.hasOwn(SENTENCES, key) ? SENTENCES[key] : undefined;
}
