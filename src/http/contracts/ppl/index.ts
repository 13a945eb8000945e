import type { Contract, Refusal } from '../door.ts';
import { operations } from './operations.ts';
import { ErrorResponse } from './schemas.ts';

/** Details of a bad request, which the document does not define. */
function refuse({ status, code, message, details: { field, reason } }: Refusal) {
  if (status !== 400 || field === undefined || code.endsWith('_taken')) return { detail: message };
  const why = code === 'invalid_request' || reason === undefined ? '' : ` (${reason})`;
  return { detail: `${field}: ${message}${why}` };
}

const UNPROVEN = 'Could not validate credentials';

/** "PPL Auth Service API v1": accounts by email, the caller's own record under /users/me. */
export const ppl: Contract = {
  doorVersion: 1,
  name: 'ppl',
  title: 'PPL Auth Service API',
  version: '1.0.0',
  description: 'Registers and logs in users, who manage their own record.',
  basePath: '/api/v1',
  pages: { '/docs': 'swagger', '/redoc': 'redoc' },
  openapiPath: '/api/v1/openapi.json',
  rotatesRefreshTokens: false,
  tokens: { access: 1800, refresh: 604_800 },
  operations,
  // The document defines no conflict, so a taken value is a bad request.
  statuses: { username_taken: 400, email_taken: 400, last_admin: 400 },
  messages: {
    email_taken: 'Email already registered',
    invalid_credentials: UNPROVEN,
    invalid_token: UNPROVEN,
    mfa_required: 'mfa_required',
    server_error: 'An error occurred: internal error',
  },
  refusalSchema: ErrorResponse,
  refuse,
  givesAway: () => ['400 at POST /auth/register tells anybody which addresses are taken'],
  cases: async () => (await import('./conformance.ts')).cases,
};
