import { z } from 'zod';
import { catalogue, DomainError, type ErrorCode } from '../../core/errors.ts';
import { PROFILE_FIELDS, type TextKindName } from '../../domain/users/profile-fields.ts';
import { type Statuses, statusOf } from '../endpoints/statuses.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Problem details (RFC 9457). */
export const Problem = z.strictObject({
  type: z.string().describe('A URN that names the kind of problem: urn:postern:problem:<code>'),
  title: z.string().describe('The same for every problem of the type'),
  status: z.int(),
  detail: z.string().describe('What is wrong this time'),
  instance: z.string().describe('The request, as the log has it: urn:uuid:<X-Request-Id>'),
  code: z.enum(Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]).describe('Does not change'),
  current: z.unknown().optional().describe('With `precondition_failed`: the resource as it is now'),
  errors: z
    .array(
      z.strictObject({
        field: z.string().describe('The member of the body, or the parameter'),
        reason: z.string().describe('In one word where there are several'),
        detail: z.string(),
      }),
    )
    .optional(),
});

type FieldError = NonNullable<z.infer<typeof Problem>['errors']>[number];

/** A change of a resource that is another by now. */
export class PreconditionFailed extends DomainError {
  readonly current: unknown;

  constructor(current: unknown) {
    super('precondition_failed');
    this.current = current;
  }
}

/** Lists every mistake of a body or query. */
export class InvalidFields extends Error {
  readonly errors: FieldError[];

  constructor({ issues }: z.ZodError) {
    super('the request does not have the form that it must have');
    this.errors = issues.flatMap((issue) => {
      const paths =
        issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
      return paths.map((path) => ({
        field: path.join('.') || 'body',
        reason: issue.code,
        detail: issue.message,
      }));
    });
  }
}

const STATUSES: Statuses = {
  // The token was valid, the other credential was not.
  invalid_credentials: 400,
  mfa_required: 409,
  account_locked: 429,
  account_suspended: 403,
};

/** The requirement on a profile field, where the title does not say it. */
const KIND_DETAILS: Readonly<Record<TextKindName, string | undefined>> = {
  name: undefined,
  line: 'This must be 1 to 60 characters in one line.',
  url: 'This must be an https address of at most 2048 characters.',
  birthdate:
    'This must be a date that has been, as YYYY-MM-DD, with the year 0000 to leave it out, or a year alone.',
  timeZone: 'This must be a name of the time zone database, as Europe/Berlin.',
  language: 'This must be a language tag (BCP 47), as de or pt-BR.',
  phoneNumber: 'This must be a number with the code of its country, as +49 30 123456.',
};

/** Sentences that say more than the title, by `code:reason` or `code:field`. */
const DETAILS: Record<string, string | undefined> = {
  'invalid_token:missing': 'This needs an access token in the Authorization header.',
  'invalid_token:binding':
    'The token is bound to a key: present it with the DPoP scheme and a proof of the key.',
  'invalid_dpop_proof:replayed': 'This DPoP proof was used before.',
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

/** Refusals whose details are shown: the missing permission, the fixed value, the users of a resource. */
const NAMING: ReadonlySet<ErrorCode> = new Set([
  'insufficient_scope',
  'permission_not_held',
  'in_use',
  'configured',
]);

/** The domain's reason as a sentence: what the field or the request must be. */
const sentenceOf = ({ field, reason = '' }: DomainError['details']): string | undefined =>
  reason.includes(' ')
    ? `${field === undefined ? '' : `${FIELDS[field] ?? field} `}${reason}`.replace(/[^.?!]$/, '$&.')
    : undefined;

/** The domain's names of fields that are named differently here. */
const FIELDS: Record<string, string> = {
  clientId: 'client_id',
  clientSecret: 'client_secret',
  ...Object.fromEntries(PROFILE_FIELDS.map(({ name, claim }) => [name, claim])),
  street_address: 'address.street_address',
  locality: 'address.locality',
  region: 'address.region',
  postal_code: 'address.postal_code',
  country: 'address.country',
  current: 'current_password',
};

const FIELD_OF: Partial<Record<ErrorCode, string>> = { username_taken: 'username', email_taken: 'email' };

/** A refusal as a problem. @param requestId the request's. */
export function problemOf(
  error: DomainError | InvalidFields,
  requestId: string,
): z.infer<typeof Problem> & { status: number } {
  const { code, details } = error instanceof InvalidFields ? new DomainError('invalid_request') : error;
  const status = statusOf(code, STATUSES);
  const title = catalogue[code];
  const field = details.field ?? FIELD_OF[code];
  const detail =
    DETAILS[`${code}:${details.reason ?? details.field ?? ''}`] ??
    (code === 'invalid_request' && field === undefined ? details.reason : undefined) ??
    sentenceOf(details) ??
    (NAMING.has(code) && details.reason !== undefined ? `${title}: ${details.reason}.` : `${title}.`);
  const errors =
    error instanceof InvalidFields
      ? error.errors
      : field === undefined
        ? undefined
        : [
            {
              field: FIELDS[field] ?? field,
              reason: sentenceOf(details) ? code : (details.reason ?? code),
              detail,
            },
          ];
  return {
    type: `urn:postern:problem:${code}`,
    title,
    status,
    detail: error instanceof InvalidFields ? 'The request does not have the form that it must have.' : detail,
    instance: `urn:uuid:${requestId}`,
    code,
    ...(errors ? { errors } : {}),
    ...(error instanceof PreconditionFailed ? { current: error.current } : {}),
  };
}
