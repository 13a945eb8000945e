import type { DomainError, ErrorCode } from '../../core/errors.ts';
import type { Message } from '../pages/i18n.ts';
import { type PasswordBounds, problemOf } from '../pages/problems.ts';
import { statusOf } from '../endpoints/statuses.ts';

/** An error of a form: of one control, or (null) of the whole form. */
export interface ConsoleProblem {
  field: string | null;
  message: Message;
}

const WORDS: Partial<Record<ErrorCode, Message>> = {
  invalid_request: 'console.problem.invalid',
  invalid_client_metadata: 'console.problem.invalid',
  precondition_failed: 'console.problem.changed',
  permission_not_held: 'console.problem.notHeld',
  stronger_operator: 'console.problem.stronger',
  last_owner: 'console.problem.lastOwner',
  forbidden: 'console.problem.oneself',
  in_use: 'console.problem.inUse',
  configured: 'console.problem.configured',
  invalid_cursor: 'console.problem.cursor',
  idempotency_mismatch: 'console.problem.twice',
  idempotency_in_progress: 'console.problem.twice',
  user_not_found: 'console.problem.gone',
  client_not_found: 'console.problem.gone',
  api_not_found: 'console.problem.gone',
  role_not_found: 'console.problem.gone',
  group_not_found: 'console.problem.gone',
  key_not_found: 'console.problem.gone',
  secret_not_found: 'console.problem.gone',
  factor_not_found: 'console.problem.gone',
  api_key_not_found: 'console.problem.gone',
  scim_token_not_found: 'console.problem.gone',
  upstream_not_found: 'console.problem.gone',
  not_found: 'console.problem.gone',
  api_taken: 'console.problem.taken',
  role_taken: 'console.problem.taken',
  group_taken: 'console.problem.taken',
  client_id_taken: 'console.problem.taken',
  upstream_taken: 'console.problem.taken',
};

/** Sentences for reason codes of the domain. */
const REASONS: Readonly<Record<string, Message>> = {
  not_a_url: 'console.problem.url',
  not_public: 'console.problem.notPublic',
  too_long: 'console.problem.tooLong',
};

/** Reasons of `forbidden` other than acting on one's own account. */
const FORBIDDEN: Readonly<Record<string, Message>> = {
  built_in: 'console.problem.builtIn',
  impersonation_off: 'console.problem.viewOff',
  operator: 'console.problem.viewOperator',
  refused: 'console.problem.viewRefused',
  suspended: 'problem.suspended',
};

/** Codes that mean that the object itself does not exist. */
export const isGone = ({ code }: DomainError): boolean => WORDS[code] === 'console.problem.gone';

/** The status of a form that is shown again. */
export const statusOfProblem = ({ code }: DomainError): number => {
  const status = statusOf(code, {});
  return status === 401 ? 400 : status;
};

/** Errors of client metadata begin with the property; the client's name is a separate field. */
const fieldOf = ({ code, details: { field, reason = '' } }: DomainError): string | null => {
  const named = code === 'invalid_client_metadata' ? (field ?? /^[a-z_]+(?=\W)/.exec(reason)?.[0]) : field;
  return named === 'client_name' ? 'name' : (named ?? null);
};

/** Describes a domain error for a form. Field and reason are those of the API. */
export function consoleProblem(error: DomainError, bounds: PasswordBounds): ConsoleProblem {
  const { code, message, details } = error;
  const field = fieldOf(error);
  const known = problemOf(error, bounds);
  // Errors without a sentence of their own show field and reason.
  if (known && known.message !== 'problem.invalid') return known;
  const refused = code === 'forbidden' ? FORBIDDEN[details.reason ?? ''] : undefined;
  const words = refused ?? WORDS[code] ?? known?.message;
  if (words === 'console.problem.invalid') {
    const { reason } = details;
    const sentence = reason === undefined ? words : REASONS[reason];
    return {
      field,
      message: sentence ?? { key: 'console.problem.invalidReason', params: { reason: reason ?? '' } },
    };
  }
  if (words === 'console.problem.notHeld')
    return { field, message: { key: words, params: { permission: details.reason ?? '' } } };
  return { field, message: words ?? { key: 'console.problem.other', params: { reason: message } } };
}
