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
  invalid_dpop_proof: 'The DPoP proof is missing or invalid',
  insufficient_scope: 'The access token does not allow this',
  insufficient_user_authentication: 'This needs a fresh login',
  invalid_reset_token: 'The link to reset the password is invalid or has expired',
  invalid_undo_token: 'The link to undo the change is invalid or has expired',
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
  client_id_taken: 'A client with this id exists already',
  secret_not_found: 'Client secret not found',
  invalid_client_metadata: 'The client metadata is not valid',
  api_not_found: 'API not found',
  api_taken: 'An API with this identifier exists already',
  key_not_found: 'Key not found',
  api_key_not_found: 'API key not found',
  not_found: 'Not found',
  permission_not_held: 'You cannot give a permission that you do not have',
  stronger_operator: 'This belongs to an operator with permissions that you do not have',
  last_owner: 'The last owner cannot be removed',
  role_not_found: 'Role not found',
  role_taken: 'A role with this name exists already',
  group_not_found: 'Group not found',
  group_taken: 'A group with this name exists already',
  scim_token_not_found: 'SCIM token not found',
  external_id_taken: 'This external id is taken',
  in_use: 'This is still in use',
  not_reversible: 'This change cannot be undone from its event',
  configured: 'This is set by the configuration',
  webhook_disabled: 'The webhook is disabled',
  too_many_webhooks: 'The maximum number of webhooks is reached',
  precondition_failed: 'This has changed since it was read',
  idempotency_mismatch: 'This Idempotency-Key was used for a different request',
  idempotency_in_progress: 'A request with this Idempotency-Key is still in progress',
  not_applied: 'This was not done, because another operation failed',
  method_not_allowed: 'This method is not allowed here',
  unsupported_media_type: 'The content type is not supported',
  payload_too_large: 'The request is too large',
  server_error: 'An unexpected error occurred',
  upstream_not_found: 'Sign-in provider not found',
  upstream_denied: 'The other provider did not sign you in',
  upstream_failed: 'The response of the other provider is invalid',
  upstream_unavailable: 'The other provider cannot be reached',
  upstream_taken: 'A provider with this id exists already',
  identity_unknown: 'No account is linked to this identity',
  identity_taken: 'This identity is linked to another account',
  email_unverified: 'The email address of this account is not confirmed',
  last_way_in: 'This is the last way to sign in to this account',
  rate_limited: 'Too many requests; try again later',
  invalid_cursor: 'The cursor does not belong to this list',
  too_broad: 'The search takes too long: use a narrower filter or a shorter period',
  overloaded: 'The service is busy; try again shortly',
  unavailable: 'A required service is not available; try again shortly',
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
