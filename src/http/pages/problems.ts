import type { DomainError, ErrorCode } from '../../core/errors.ts';
import { PROFILE_FIELDS, type ProfileText, type TextKindName } from '../../domain/users/profile-fields.ts';
import { type Statuses, statusOf } from '../endpoints/statuses.ts';
import { type AttributeInput, inputOfField, isAttributeInput } from './attribute-inputs.ts';
import type { Icon } from './templates.ts';
import type { Message, MessageKey } from './i18n.ts';
import { PROFILE_LAYOUT, type ProfileInput } from './profile-layout.ts';

/** A field of a page's form. */
type NamedField = 'identifier' | 'current' | 'email' | 'password' | ProfileInput | 'code' | 'user_code';
export type Field = NamedField | AttributeInput;

/** A mistake in a form: at one field, or in general (null). */
export interface Problem {
  field: Field | null;
  message: Message;
}

/** The labels of the profile's texts. */
const profileLabels = Object.fromEntries(
  PROFILE_FIELDS.map(({ name }): [ProfileText, MessageKey] => [name, `field.${name}`]),
) as Record<ProfileText, MessageKey>;

/** The labels of fields. Those of attributes are in the data of the page. */
export const fieldLabels: Readonly<Record<NamedField, MessageKey>> = {
  ...profileLabels,
  identifier: 'field.identifier',
  current: 'field.currentPassword',
  email: 'field.email',
  username: 'field.username',
  password: 'field.password',
  street_address: 'field.streetAddress',
  postal_code: 'field.postalCode',
  locality: 'field.locality',
  region: 'field.region',
  country: 'field.country',
  code: 'field.code',
  user_code: 'field.userCode',
};

/** The order of form fields: that of the profile, with the fields of other forms before and after. */
const ORDER: readonly string[] = [
  'identifier',
  'current',
  ...PROFILE_LAYOUT.flatMap(({ rows }) => rows.flat()).flatMap((name) =>
    name === 'username' ? ['email', name, 'password'] : [name],
  ),
  'code',
  'user_code',
];

/** Attributes come last, in the order of the schema. */
const placeOf = ({ field }: Problem): number =>
  field !== null && isAttributeInput(field) ? ORDER.length : ORDER.indexOf(field ?? '');

/** Sorts problems in the order of the form, those of the whole form first. */
export const inFormOrder = (problems: readonly Problem[]): Problem[] =>
  problems.toSorted((a, b) => placeOf(a) - placeOf(b));

const MISSING = {
  identifier: 'problem.identifierMissing',
  password: 'problem.passwordMissing',
  username: 'problem.usernameMissing',
  email: 'problem.emailMissing',
  code: 'problem.codeMissing',
  current: 'problem.passwordMissing',
  user_code: 'problem.userCodeMissing',
} as const satisfies Partial<Record<Field, MessageKey>>;

/** The problem of a field that is empty. */
export const missing = (field: keyof typeof MISSING): Problem => ({ field, message: MISSING[field] });

type Words = (bounds: PasswordBounds) => Problem;
const at =
  (field: Field | null, message: Message): Words =>
  () => ({ field, message });

/** The bounds of a password's length, in characters. */
export interface PasswordBounds {
  min: number;
  max: number;
}

/** The message for an invalid profile field. */
const KIND_PROBLEMS: Readonly<Record<TextKindName, MessageKey>> = {
  name: 'problem.nameInvalid',
  line: 'problem.lineInvalid',
  url: 'problem.urlInvalid',
  birthdate: 'problem.birthdateInvalid',
  timeZone: 'problem.zoneInvalid',
  language: 'problem.invalid',
  phoneNumber: 'problem.phoneInvalid',
};

/** Messages of forms for domain errors, by `code` or by the more specific `code:reason`. */
const TABLE = new Map<string, Words>([
  ...PROFILE_FIELDS.map(({ name, kind }): [string, Words] => [
    `invalid_request:${name}`,
    at(name, KIND_PROBLEMS[kind]),
  ]),
  ...Object.entries({
    'invalid_request': at(null, 'problem.invalid'),
    'invalid_request:street_address': at('street_address', 'problem.lineInvalid'),
    'invalid_request:postal_code': at('postal_code', 'problem.lineInvalid'),
    'invalid_request:locality': at('locality', 'problem.lineInvalid'),
    'invalid_request:region': at('region', 'problem.lineInvalid'),
    'invalid_request:country': at('country', 'problem.lineInvalid'),
    'invalid_request:too_many': at(null, 'problem.tooMany'),
    'invalid_credentials': at(null, 'problem.credentials'),
    'invalid_credentials:otp': at('code', 'problem.code'),
    'invalid_credentials:code': at('code', 'problem.code'),
    'invalid_credentials:current': at('current', 'problem.currentWrong'),
    'invalid_token': at(null, 'problem.loginExpired'),
    'invalid_passkey': at(null, 'problem.passkey'),
    'invalid_passkey:challenge': at(null, 'problem.passkeyLate'),
    'invalid_passkey:unknown': at(null, 'problem.passkeyUnknown'),
    'invalid_passkey:origin': at(null, 'problem.passkeyElsewhere'),
    'invalid_passkey:rp_id': at(null, 'problem.passkeyElsewhere'),
    'invalid_passkey:counter': at(null, 'problem.passkeyCopied'),
    'invalid_passkey:user_verification': at(null, 'problem.passkeyUnverified'),
    'invalid_passkey:already_registered': at(null, 'problem.passkeyKnown'),
    'account_suspended': at(null, 'problem.suspended'),
    'overloaded': at(null, 'problem.busy'),
    'unavailable': at(null, 'problem.busy'),
    'username_taken': at('username', 'problem.usernameTaken'),
    'invalid_username': at('username', 'problem.usernameCharacters'),
    'invalid_username:too_short': at('username', 'problem.usernameLength'),
    'invalid_username:too_long': at('username', 'problem.usernameLength'),
    'invalid_username:mixed_scripts': at('username', 'problem.usernameScripts'),
    'last_way_in': at(null, 'problem.lastWayIn'),
    'identity_taken': at(null, 'problem.identityTaken'),
    'invalid_credentials:password': at('password', 'problem.passwordWrong'),
    'email_unverified': at(null, 'problem.emailUnverified'),
    'last_admin': at(null, 'problem.lastAdmin'),
    'mfa_required': at(null, 'problem.lastFactor'),
    'email_taken': at('email', 'problem.emailTaken'),
    'invalid_email': at('email', 'problem.emailInvalid'),
    'weak_password': at('password', 'problem.passwordCommon'),
    'weak_password:invalid_characters': at('password', 'problem.passwordCharacters'),
    'weak_password:contains_name': at('password', 'problem.passwordNames'),
    'weak_password:unchanged': at('password', 'problem.passwordUnchanged'),
    'weak_password:too_short': ({ min }) => ({
      field: 'password',
      message: { key: 'problem.passwordTooShort', params: { min } },
    }),
    'weak_password:too_long': ({ max }) => ({
      field: 'password',
      message: { key: 'problem.passwordTooLong', params: { max } },
    }),
  } satisfies Partial<Record<ErrorCode | `${ErrorCode}:${string}`, Words>>),
]);

/**
 * Maps a domain error to a form's message. @returns undefined for an error that forms do not show.
 */
export function problemOf(
  { code, details }: DomainError,
  passwordLength: PasswordBounds,
): Problem | undefined {
  if (code === 'account_locked' || code === 'rate_limited') {
    const wait = { seconds: details.retryAfter ?? 60 };
    return { field: null, message: { key: 'problem.locked', params: { wait } } };
  }
  const attribute = inputOfField(details.field ?? '');
  if (attribute !== undefined) {
    const isMissing = details.reason === 'required';
    const message = isMissing ? 'problem.attributeMissing' : 'problem.attributeInvalid';
    return { field: attribute, message };
  }
  const words = TABLE.get(`${code}:${details.reason ?? details.field ?? ''}`) ?? TABLE.get(code);
  return words?.(passwordLength);
}

/** Maps several errors. @throws the first one that forms do not show. */
export const problemsOf = (errors: readonly DomainError[], passwordLength: PasswordBounds): Problem[] =>
  errors.map((error) => {
    const problem = problemOf(error, passwordLength);
    if (!problem) throw error;
    return problem;
  });

const STATUSES: Statuses = { account_locked: 429 };

/**
 * The status of an error page: forbidden, rate limited or unavailable. Anything else is a bad request: a 401 requires a
 * challenge (RFC 9110 section 15.5.2), and pages have none.
 */
export function pageStatus(code: ErrorCode): number {
  const status = statusOf(code, STATUSES);
  return status === 403 || status === 429 || status >= 500 ? status : 400;
}

/** The status of a form that is shown again: `otherwise`, unless a later retry of the same form may succeed. */
export function formStatus(code: ErrorCode, otherwise: number): number {
  const status = statusOf(code, STATUSES);
  return status === 429 || status === 503 ? status : otherwise;
}

/** The title and the text of the error page. */
export interface ErrorWords {
  title: MessageKey;
  text: MessageKey;
  icon: Icon;
}

const busy: ErrorWords = { title: 'error.busyTitle', text: 'error.busyText', icon: 'clock' };

const ERRORS = new Map<string, ErrorWords>(
  Object.entries({
    not_found: { title: 'error.notFoundTitle', text: 'error.notFoundText', icon: 'alert' },
    csrf: { title: 'error.staleTitle', text: 'error.staleText', icon: 'refresh' },
    forbidden: { title: 'error.forbiddenTitle', text: 'error.forbiddenText', icon: 'alert' },
    viewing: { title: 'error.viewingTitle', text: 'error.viewingText', icon: 'person' },
    view_over: { title: 'error.viewOverTitle', text: 'error.viewOverText', icon: 'clock' },
    view_link: { title: 'error.viewLinkTitle', text: 'error.viewLinkText', icon: 'clock' },
    rate_limited: { title: 'error.limitedTitle', text: 'error.limitedText', icon: 'clock' },
    overloaded: busy,
    unavailable: busy,
    temporarily_unavailable: busy,
    email_unverified: { title: 'error.unprovenTitle', text: 'error.unprovenText', icon: 'mail' },
    server_error: { title: 'error.serverTitle', text: 'error.serverText', icon: 'alert' },
  } satisfies Record<string, ErrorWords>),
);

/** The texts of an error code: from `core/errors.ts`, or from OAuth (then an app sent a wrong request). */
export const errorWords = (code: string): ErrorWords =>
  ERRORS.get(code) ?? { title: 'error.appTitle', text: 'error.appText', icon: 'alert' };
