import type { DomainError, ErrorCode } from '../../kernel/errors.ts';
import type { Icon } from './icons.ts';
import type { Message, MessageKey } from './i18n.ts';

/** A field of a page's form. */
export type Field =
  | 'identifier'
  | 'password'
  | 'name'
  | 'username'
  | 'email'
  | 'code'
  | 'current'
  | 'givenName'
  | 'familyName'
  | 'user_code';

/** What is wrong with a form: at one field, or (null) with all of it. */
export interface Problem {
  field: Field | null;
  message: Message;
}

/** What the fields are called. */
export const fieldLabels: Readonly<Record<Field, MessageKey>> = {
  identifier: 'field.identifier',
  password: 'field.password',
  name: 'field.name',
  username: 'field.username',
  email: 'field.email',
  code: 'field.code',
  current: 'field.currentPassword',
  givenName: 'field.givenName',
  familyName: 'field.familyName',
  user_code: 'field.userCode',
};

const MISSING: Readonly<Record<Exclude<Field, 'name' | 'givenName' | 'familyName'>, MessageKey>> = {
  identifier: 'problem.identifierMissing',
  password: 'problem.passwordMissing',
  username: 'problem.usernameMissing',
  email: 'problem.emailMissing',
  code: 'problem.codeMissing',
  current: 'problem.passwordMissing',
  user_code: 'problem.userCodeMissing',
};

/** The problem of a field that was left empty. */
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

/** This door's table: what a form says about a domain error, by `code` or, where that says more, `code:reason`. */
const TABLE = new Map<string, Words>(
  Object.entries({
    'invalid_request': at(null, 'problem.invalid'),
    'invalid_request:name': at('name', 'problem.nameInvalid'),
    'invalid_request:givenName': at('givenName', 'problem.nameInvalid'),
    'invalid_request:familyName': at('familyName', 'problem.nameInvalid'),
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
    'email_unverified': at(null, 'problem.emailUnverified'),
    'last_admin': at(null, 'problem.lastAdmin'),
    'mfa_required': at(null, 'problem.lastFactor'),
    'email_taken': at('email', 'problem.emailTaken'),
    'invalid_email': at('email', 'problem.emailInvalid'),
    'weak_password': at('password', 'problem.passwordCommon'),
    'weak_password:invalid_characters': at('password', 'problem.passwordCharacters'),
    'weak_password:contains_name': at('password', 'problem.passwordNames'),
    'weak_password:too_short': ({ min }) => ({
      field: 'password',
      message: { key: 'problem.passwordTooShort', params: { min } },
    }),
    'weak_password:too_long': ({ max }) => ({
      field: 'password',
      message: { key: 'problem.passwordTooLong', params: { max } },
    }),
  } satisfies Partial<Record<ErrorCode | `${ErrorCode}:${string}`, Words>>),
);

/**
 * What a form says about a domain error.
 * @returns undefined when the error is not the form's to show.
 */
export function problemOf(
  { code, details }: DomainError,
  passwordLength: PasswordBounds,
): Problem | undefined {
  if (code === 'account_locked' || code === 'rate_limited') {
    const wait = { seconds: details.retryAfter ?? 60 };
    return { field: null, message: { key: 'problem.locked', params: { wait } } };
  }
  const words = TABLE.get(`${code}:${details.reason ?? details.field ?? ''}`) ?? TABLE.get(code);
  return words?.(passwordLength);
}

/** The title and the sentence of the error page. */
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
    rate_limited: { title: 'error.limitedTitle', text: 'error.limitedText', icon: 'clock' },
    overloaded: busy,
    unavailable: busy,
    temporarily_unavailable: busy,
    server_error: { title: 'error.serverTitle', text: 'error.serverText', icon: 'alert' },
  } satisfies Record<string, ErrorWords>),
);

/** The words for an error code: of the kernel's catalogue, or of OAuth (then an app sent something wrong). */
export const errorWords = (code: string): ErrorWords =>
  ERRORS.get(code) ?? { title: 'error.appTitle', text: 'error.appText', icon: 'alert' };
