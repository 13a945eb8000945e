import type { DomainError, ErrorCode } from '../../core/errors.ts';
import type { Message } from '../pages/i18n.ts';
import { type PasswordBounds, problemOf } from '../pages/problems.ts';
import { statusOf } from '../endpoints/statuses.ts';

/** What is wrong with a form: at the control of a name, or (null) with all of it. */
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

/** Reasons that the domain has a word for, and no sentence. */
const REASONS: Readonly<Record<string, Message>> = {
  not_a_url: 'console.problem.url',
  not_public: 'console.problem.notPublic',
  too_long: 'console.problem.tooLong',
};

/** What is forbidden for another reason than that it is one's own account. */
const FORBIDDEN: Readonly<Record<string, Message>> = {
  impersonation_off: 'console.problem.viewOff',
  operator: 'console.problem.viewOperator',
  refused: 'console.problem.viewRefused',
  suspended: 'problem.suspended',
};

/** What is missing altogether, rather than wrong with what was asked. */
export const isGone = ({ code }: DomainError): boolean => WORDS[code] === 'console.problem.gone';

/** The status of a form that is shown again. */
export const statusOfProblem = ({ code }: DomainError): number => {
  const status = statusOf(code, {});
  return status === 401 ? 400 : status;
};

/** What is wrong with metadata begins with the name of the property; the name of a client is a field of its own. */
const fieldOf = ({ code, details: { field, reason = '' } }: DomainError): string | null => {
  const named = code === 'invalid_client_metadata' ? (field ?? /^[a-z_]+(?=\W)/.exec(reason)?.[0]) : field;
  return named === 'client_name' ? 'name' : (named ?? null);
};

/** What a form says about a domain error. Field and reason are the API's words: they name what is at fault. */
export function consoleProblem(error: DomainError, bounds: PasswordBounds): ConsoleProblem {
  const { code, message, details } = error;
  const field = fieldOf(error);
  const known = problemOf(error, bounds);
  // What the pages know of nothing in particular is said with its field and its reason here.
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
