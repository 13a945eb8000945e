import { type Contract, DEFAULT_LIFETIMES } from '../door.ts';
import { apiKeyOperations } from './api-keys.ts';
import { messages, refuse, statuses } from './errors.ts';
import { mfaOperations } from './mfa.ts';
import { NAME, operations } from './operations.ts';
import { ErrorResponse } from './schemas.ts';

/** "Auth Service API" 2.1: refresh token in an HttpOnly cookie, API keys beside access tokens. */
export const cookie: Contract = {
  doorVersion: 1,
  name: NAME,
  title: 'Auth Service API',
  version: '2.1.0',
  description: 'Handles authentication, authorization, and user management with JWT tokens and RBAC.',
  basePath: '',
  pages: { '/docs': 'swagger' },
  openapiPath: '/openapi.json',
  rotatesRefreshTokens: true,
  tokens: DEFAULT_LIFETIMES,
  operations: [...operations, ...apiKeyOperations, ...mfaOperations],
  statuses,
  messages,
  refusalSchema: ErrorResponse,
  refuse,
  givesAway: () => ['400 at POST /auth/register tells anybody which usernames and addresses are taken'],
  cases: async () => (await import('./conformance.ts')).cases,
};
