import { type Contract, type ErrorCode, microsecondsLocal, type Refusal } from '../door.ts';
/** The document defines no conflict, so a taken value is an invalid input parameter. */
export const statuses: Contract['statuses'] = { username_taken: 400, email_taken: 400 };

export const messages: Contract['messages'] = {
  invalid_token: 'Authentication required',
  forbidden: 'Insufficient permissions',
  not_found: 'Resource not found',
  rate_limited: 'Rate limit exceeded',
  server_error: 'Server error',
  overloaded: 'Service temporarily unavailable',
  unavailable: 'Service temporarily unavailable',
};

const CODES: Record<number, string> = {
  400: 'VALIDATION_ERROR',
  401: 'AUTHENTICATION_ERROR',
  403: 'AUTHORIZATION_ERROR',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMIT_EXCEEDED',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
};

/** Codes that a client must tell apart from others of the same status. */
const OWN_CODES: Partial<Record<ErrorCode, string>> = { mfa_required: 'mfa_required' };

/** The document's names of fields that have another name elsewhere. */
const FIELDS: Record<string, string> = { givenName: 'first_name', familyName: 'last_name' };

/** A bad request always has the document's message. The details name the mistake. */
export function refuse({ status, code, message, details, requestId, at }: Refusal) {
  const { field, reason = status === 400 ? message : undefined } = details;
  return {
    error: {
      code: OWN_CODES[code] ?? CODES[status] ?? 'VALIDATION_ERROR',
      message: status === 400 ? 'Invalid input parameters' : message,
      details: {
        ...(field === undefined ? {} : { field: FIELDS[field] ?? field }),
        ...(reason === undefined ? {} : { reason }),
      },
      timestamp: microsecondsLocal(at),
      request_id: `req_${requestId}`,
    },
  };
}
