import { z } from 'zod';
import { catalogue, DomainError, type ErrorCode } from '../../core/errors.ts';
import { sentenceFor } from '../../domain/reasons.ts';
import { PROFILE_FIELDS } from '../../domain/users/profile-fields.ts';
import { type Statuses, statusOf } from '../endpoints/statuses.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Problem details (RFC 9457). */
export const Problem = z.strictObject({
  type: z.string().describe('The problem type, a URN: urn:postern:problem:<code>'),
  title: z.string().describe('A summary, the same for all problems of the type'),
  status: z.int(),
  detail: z.string().describe('An explanation of this occurrence'),
  instance: z.string().describe('The request, as in the log: urn:uuid:<X-Request-Id>'),
  code: z.enum(Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]).describe('A stable error code'),
  current: z.unknown().optional().describe('With `precondition_failed`: the resource as it is now'),
  errors: z
    .array(
      z.strictObject({
        field: z.string().describe('The member of the body or the parameter'),
        reason: z.string().describe('A short code or an explanation'),
        detail: z.string(),
      }),
    )
    .optional(),
});

type FieldError = NonNullable<z.infer<typeof Problem>['errors']>[number];

/** A change of a resource that has changed in the meantime. */
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
    super('the request does not match the schema');
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

/** Refusals whose details are shown, such as the missing permission, the fixed value or the users of a resource. */
const NAMING: ReadonlySet<ErrorCode> = new Set([
  'insufficient_scope',
  'permission_not_held',
  'in_use',
  'configured',
]);

/** The domain's reason as a sentence: what the field or the request must satisfy. */
const sentenceOf = ({ field, reason = '' }: DomainError['details']): string | undefined =>
  reason.includes(' ')
    ? `${field === undefined ? '' : `${nameOf(field)} `}${reason}`.replace(/[^.?!]$/, '$&.')
    : undefined;

/** The domain's names of fields that have another name here. */
const FIELDS = new Map<string, string>([
  ['clientId', 'client_id'],
  ['clientSecret', 'client_secret'],
  ...PROFILE_FIELDS.map(({ name, claim }): [string, string] => [name, claim]),
  ['street_address', 'address.street_address'],
  ['locality', 'address.locality'],
  ['region', 'address.region'],
  ['postal_code', 'address.postal_code'],
  ['country', 'address.country'],
  ['current', 'current_password'],
]);

/** A field by its name in the API. The caller may have invented it. */
const nameOf = (field: string): string => FIELDS.get(field) ?? field;

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
    sentenceFor(code, details) ??
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
              field: nameOf(field),
              reason: sentenceOf(details) ? code : (details.reason ?? code),
              detail,
            },
          ];
  return {
    type: `urn:postern:problem:${code}`,
    title,
    status,
    detail: error instanceof InvalidFields ? 'The request does not match the schema.' : detail,
    instance: `urn:uuid:${requestId}`,
    code,
    ...(errors ? { errors } : {}),
    ...(error instanceof PreconditionFailed ? { current: error.current } : {}),
  };
}
