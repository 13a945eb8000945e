import { catalogue, type DomainError, type ErrorCode } from '../../core/errors.ts';

/** The HTTP status of each code (RFC 9110 section 15), unless overridden. */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  invalid_username: 400,
  invalid_email: 400,
  weak_password: 400,
  invalid_passkey: 400,
  invalid_reset_token: 400,
  invalid_undo_token: 400,
  invalid_verification_token: 400,
  invalid_client_metadata: 400,
  invalid_cursor: 400,
  too_broad: 400,
  upstream_denied: 400,
  upstream_failed: 400,
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
  permission_not_held: 403,
  stronger_operator: 403,
  identity_unknown: 403,
  user_not_found: 404,
  client_not_found: 404,
  secret_not_found: 404,
  api_not_found: 404,
  key_not_found: 404,
  api_key_not_found: 404,
  factor_not_found: 404,
  upstream_not_found: 404,
  role_not_found: 404,
  group_not_found: 404,
  scim_token_not_found: 404,
  not_found: 404,
  method_not_allowed: 405,
  username_taken: 409,
  email_taken: 409,
  client_id_taken: 409,
  api_taken: 409,
  upstream_taken: 409,
  identity_taken: 409,
  last_admin: 409,
  last_way_in: 409,
  last_owner: 409,
  role_taken: 409,
  group_taken: 409,
  external_id_taken: 409,
  in_use: 409,
  not_reversible: 409,
  webhook_disabled: 409,
  too_many_webhooks: 409,
  idempotency_in_progress: 409,
  configured: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  not_applied: 424,
  rate_limited: 429,
  server_error: 500,
  overloaded: 503,
  unavailable: 503,
  upstream_unavailable: 503,
};

/** Overrides for an API, a contract or the pages. */
export type Statuses = Readonly<Partial<Record<ErrorCode, number>>>;

export const statusOf = (code: ErrorCode, others: Statuses = {}): number => others[code] ?? STATUSES[code];

/** Status and message of an error at a contract. */
export function wordsOf(
  contract: { statuses: Statuses; messages: Partial<Record<ErrorCode, string>> },
  { code, details }: Pick<DomainError, 'code' | 'details'>,
): { status: number; message: string } {
  const reason = details.reason && code === 'invalid_request' ? details.reason : undefined;
  return {
    status: statusOf(code, contract.statuses),
    message: reason ?? contract.messages[code] ?? catalogue[code],
  };
}
