/**
 * The one catalogue of domain errors. A domain error is a code; each door has its own table from code to
 * status and body. The sentences here are for operators and for doors that have none of their own.
 */
export const catalogue = {
  invalid_request: 'The request is not valid',
  invalid_credentials: 'Invalid credentials',
  account_locked: 'Too many failed attempts; try again later',
  account_suspended: 'This account is suspended',
  mfa_required: 'A second factor is required',
  invalid_passkey: 'The passkey could not be verified',
  factor_not_found: 'Second factor not found',
  invalid_token: 'The token is invalid or has expired',
  invalid_dpop_proof: 'The DPoP proof is missing or not valid',
  insufficient_scope: 'The access token does not allow this',
  insufficient_user_authentication: 'This needs a fresh login',
  invalid_reset_token: 'The link to reset the password is invalid or has expired',
  invalid_undo_token: 'The link to take the change back is invalid or has expired',
  invalid_verification_token: 'The link to verify the email address is invalid or has expired',
  forbidden: 'You may not do this',
  user_not_found: 'User not found',
  username_taken: 'This username is taken',
  email_taken: 'This email address is registered already',
  invalid_username: 'This username cannot be used',
  invalid_email: 'This is not an email address',
  weak_password: 'This password cannot be used',
  last_admin: 'The last administrator cannot be removed',
  client_not_found: 'Client not found',
  client_id_taken: 'There is a client of this id',
  secret_not_found: 'Client secret not found',
  invalid_client_metadata: 'The client metadata is not valid',
  api_not_found: 'API not found',
  api_taken: 'There is an API of this identifier',
  key_not_found: 'Key not found',
  api_key_not_found: 'API key not found',
  not_found: 'There is nothing here',
  permission_not_held: 'You cannot give a permission that you do not have',
  stronger_operator: 'This belongs to an operator with permissions that you do not have',
  last_owner: 'The last owner cannot be removed',
  role_not_found: 'Role not found',
  role_taken: 'There is a role of this name',
  group_not_found: 'Group not found',
  group_taken: 'There is a group of this name',
  scim_token_not_found: 'SCIM token not found',
  external_id_taken: 'Another one has this id of the directory',
  in_use: 'This is still in use',
  not_reversible: 'This change is not put back from its event',
  configured: 'The configuration decides this',
  webhook_disabled: 'The webhook is switched off',
  too_many_webhooks: 'There are as many webhooks as there can be',
  precondition_failed: 'This has changed since it was read',
  idempotency_mismatch: 'This Idempotency-Key came with another request before',
  idempotency_in_progress: 'A request with this Idempotency-Key is being answered',
  not_applied: 'This was not done, because another operation failed',
  method_not_allowed: 'This method is not allowed here',
  unsupported_media_type: 'The content type is not supported',
  payload_too_large: 'The request is too large',
  server_error: 'An unexpected error occurred',
  upstream_not_found: 'There is no such provider to sign in with',
  upstream_denied: 'The other provider did not sign you in',
  upstream_failed: 'The answer of the other provider cannot be used',
  upstream_unavailable: 'The other provider cannot be reached',
  upstream_taken: 'There is a provider of this id',
  identity_unknown: 'No account is connected with this identity',
  identity_taken: 'This identity is connected with another account',
  email_unverified: 'The email address of this account is not confirmed',
  last_way_in: 'This is the last way to sign in to this account',
  rate_limited: 'Too many requests; try again later',
  invalid_cursor: 'The cursor is not one of this list',
  too_broad: 'Finding these takes too long: add a filter that few match, or a shorter time',
  overloaded: 'The service is busy; try again shortly',
  unavailable: 'A service this needs is not available; try again shortly',
} as const;

export type ErrorCode = keyof typeof catalogue;

/** Details that a door may show besides the code. */
export interface ErrorDetails {
  field?: string;
  reason?: string;
  /** Seconds until a retry may succeed. */
  retryAfter?: number;
}

/** A failure that a caller can act on. Any other thrown error is a defect or an outage. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(catalogue[code], options);
    this.name = 'DomainError';
    this.code = code;
    this.details = details;
  }
}

/** Whether `error` is the domain error `code` (or any, without `code`). */
export function isDomainError(error: unknown, code?: ErrorCode): error is DomainError {
  return error instanceof DomainError && (code === undefined || error.code === code);
}

/** Why the service cannot start and what to do about it, in one sentence. Shown without a stack trace. */
export class StartupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartupError';
  }
}
