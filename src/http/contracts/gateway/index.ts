import { type Contract, DEFAULT_LIFETIMES } from '../door.ts';
import { messages, refuse, statuses } from './errors.ts';
import { operations } from './operations.ts';
import { ErrorResponse } from './schemas.ts';

/** "Authentication Service API Documentation": the service behind an API gateway. */
export const gateway: Contract = {
  doorVersion: 1,
  name: 'gateway',
  title: 'Authentication Service',
  version: '1.0.0',
  description: 'Registers and logs in users, and validates tokens for an API gateway.',
  basePath: '/api/v1/auth',
  pages: { '/swagger': 'swagger' },
  openapiPath: '/api/v1/auth/openapi.json',
  rotatesRefreshTokens: true,
  tokens: DEFAULT_LIFETIMES,
  operations,
  statuses,
  messages,
  refusalSchema: ErrorResponse,
  refuse,
  givesAway: (settings) => [
    '409 at POST /register tells anybody which usernames and addresses are taken',
    ...(settings.gateway.revealUnknownEmail
      ? ['404 at POST /password-reset tells anybody which addresses have no account']
      : []),
    '423 at POST /login tells that an account is locked',
  ],
  cases: async () => (await import('./conformance.ts')).cases,
};
