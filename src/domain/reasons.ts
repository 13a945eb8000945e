/** Explanations of the reasons of domain errors, for developers and operators: problem details and the command line. */
import type { ErrorCode, ErrorDetails } from '../core/errors.ts';
import { PROFILE_FIELDS, type TextKindName } from './users/profile-fields.ts';

/** The requirement on a profile field, where the title does not give it. */
const KIND_DETAILS: Readonly<Record<TextKindName, string | undefined>> = {
  name: 'This must be 1 to 200 printable characters on one line.',
  line: 'This must be 1 to 60 characters on one line.',
  url: 'This must be an https URL of at most 2048 characters.',
  birthdate: 'This must be a past date as YYYY-MM-DD (year 0000 if it is left out), or only a year.',
  timeZone: 'This must be a name from the time zone database, such as Europe/Berlin.',
  language: 'This must be a language tag (BCP 47), such as de or pt-BR.',
  phoneNumber: 'This must be a number with the country code, such as +49 30 123456.',
};

const SENTENCES: Readonly<Record<string, string | undefined>> = {
  'invalid_token:missing': 'This needs an access token in the Authorization header.',
  'invalid_token:binding':
    'The token is bound to a key: present it with the DPoP scheme and a proof of the key.',
  'invalid_dpop_proof:replayed': 'This DPoP proof was used before.',
  'insufficient_scope:': 'The current roles behind the access token allow none of its scopes.',
  'forbidden:built_in': 'This comes with Postern and cannot be changed: create one of your own.',
  'forbidden:oneself': 'You cannot suspend, disable or delete yourself, or take away your own permissions.',
  'forbidden:configured': 'This is set by the configuration, and can only be changed there.',
  'forbidden:viewing': 'This is not allowed while viewing as another person.',
  'forbidden:service_account': 'This needs a person: a service account has no browser to view in.',
  'forbidden:impersonation_off': 'The setting `impersonation.enabled` is off.',
  'forbidden:operator': 'Viewing as an operator is not allowed.',
  'forbidden:suspended': 'The account is suspended.',
  'forbidden:refused': 'The person has refused it.',
  'insufficient_user_authentication:max_age': 'Have the person log in again (max_age).',
  'insufficient_user_authentication:acr_values':
    'Have the person log in again, with a second factor (max_age, acr_values).',
  'invalid_credentials:current': 'The current password is wrong.',
  'invalid_credentials:code': 'The code is wrong, or was used before.',
  'mfa_required:last_factor': 'The account must have a second factor, and this is its last.',
  'invalid_request:not_a_url':
    'This must be an http or https URL of at most 2048 characters, without a username, a password or a fragment.',
  'invalid_request:not_public': 'This is neither a public https address nor one that `outbound.allow` lists.',
  'invalid_request:empty': 'This must not be empty.',
  'invalid_request:webhook_secret': 'This must be whsec_ followed by 24 to 64 bytes in base64.',
  'invalid_request:too_many': 'The account has the maximum number of these.',
  ...Object.fromEntries(
    PROFILE_FIELDS.map(({ name, kind }) => [`invalid_request:${name}`, KIND_DETAILS[kind]]),
  ),
  'invalid_request:upstream_unavailable': 'The provider cannot be reached there.',
  'invalid_request:upstream_failed': 'The provider’s metadata there is unusable.',
  'weak_password:too_short': 'The password is too short.',
  'weak_password:too_long': 'The password is too long.',
  'weak_password:common': 'The password is one of the most common ones.',
  'weak_password:unchanged': 'This is the password that must be replaced.',
  'weak_password:contains_name': 'The password is little more than a name of the account.',
  'weak_password:invalid_characters': 'The password contains a character that is not allowed.',
  'invalid_passkey:malformed': 'This is not a WebAuthn response.',
  'invalid_passkey:challenge': 'The challenge does not match, has expired, or was used before.',
  'invalid_passkey:origin': 'The response comes from another origin.',
  'invalid_passkey:rp_id': 'The passkey belongs to another site.',
  'invalid_passkey:user_verification': 'The authenticator did not verify the user.',
  'invalid_passkey:signature': 'The signature is invalid.',
  'invalid_passkey:already_registered': 'The passkey is already registered.',
  'invalid_passkey:unsupported': 'Passkeys need a domain name, and this service has none.',
};

/** The sentence that adds to the title of `code`, by reason, or by field without one. Undefined for most. */
export function sentenceFor(code: ErrorCode, { reason, field = '' }: ErrorDetails): string | undefined {
  const key = `${code}:${reason ?? field}`;
  return Object.hasOwn(SENTENCES, key) ? SENTENCES[key] : undefined;
}
