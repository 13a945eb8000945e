import { codedError, CodedError, type Contract, DEFAULT_LIFETIMES } from '../door.ts';
import { operations } from './operations.ts';

/** "My Auth Service API": users by UUID, for programs with an API key. */
export const keyed: Contract = {
  doorVersion: 1,
  name: 'keyed',
  title: 'My Auth Service API',
  version: '1.0.0',
  description: 'The API endpoints for the My Auth Service. All endpoints require an API key.',
  basePath: '/api/v1',
  pages: { '/docs': 'swagger' },
  openapiPath: '/api/v1/openapi.json',
  rotatesRefreshTokens: false,
  tokens: DEFAULT_LIFETIMES,
  operations,
  statuses: {},
  messages: {},
  refusalSchema: CodedError,
  refuse: codedError,
  givesAway: () => ['409 at POST /users tells a program which usernames and addresses are taken'],
  cases: async () => (await import('./conformance.ts')).cases,
};
