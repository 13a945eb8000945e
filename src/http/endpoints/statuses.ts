import { catalogue, type DomainError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';

/** What each code is to HTTP, unless a contract's document says otherwise. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  invalid_credentials: 401,
  mfa_required: 401,
  account_locked: 401,
  account_suspended: 401,
  invalid_token: 401,
  invalid_dpop_proof: 401,
  insufficient_user_authentication: 401,
  insufficient_scope: 403,
  forbidden: 403,
  email_unverified: 403,
  user_not_found: 404,
  not_found: 404,
  api_key_not_found: 404,
  factor_not_found: 404,
  method_not_allowed: 405,
  username_taken: 409,
  email_taken: 409,
  last_admin: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  server_error: 500,
  overloaded: 503,
  unavailable: 503,
};

/** Status and words of an error at a contract; what no table names is a bad request. */
export function wordsOf(
  contract: { statuses: Partial<Record<ErrorCode, number>>; messages: Partial<Record<ErrorCode, string>> },
  { code, details }: Pick<DomainError, 'code' | 'details'>,
): { status: number; message: string } {
  const reason = details.reason && code === 'invalid_request' ? details.reason : undefined;
  return {
    status: contract.statuses[code] ?? STATUSES[code] ?? 400,
    message: reason ?? contract.messages[code] ?? catalogue[code],
  };
}
