import { codedError, CodedError, type Contract, DEFAULT_LIFETIMES } from '../door.ts';
import { operations } from './operations.ts';

/** "API Documentation for the Project": users by integer id, logging in by email. */
export const flask: Contract = {
  doorVersion: 1,
  name: 'flask',
  title: 'API of the Project',
  version: '1.0.0',
  description: 'The API endpoints available in the application.',
  basePath: '/api/v1',
  pages: { '/docs': 'swagger' },
  openapiPath: '/api/v1/openapi.json',
  rotatesRefreshTokens: false,
  tokens: DEFAULT_LIFETIMES,
  operations,
  // The document defines no conflict, so a taken value is invalid input.
  statuses: { username_taken: 400, email_taken: 400, last_admin: 403 },
  messages: {},
  refusalSchema: CodedError,
  refuse: codedError,
  givesAway: () => [
    '400 at POST /users tells anybody which usernames and addresses are taken',
    '403 tells whoever is logged in which numbers are accounts',
  ],
  cases: async () => (await import('./conformance.ts')).cases,
};
