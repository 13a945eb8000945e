import { type Contract, DEFAULT_LIFETIMES } from 'postern/door';
import { NAME, operations } from './operations.ts';
import { Problem } from './schemas.ts';

/** "Library Readers API": readers come with an address and a PIN, and go. */
export const library: Contract = {
  doorVersion: 1,
  name: NAME,
  title: 'Library Readers API',
  version: '1.0.0',
  description: 'Lets readers in.',
  basePath: '/library/v1',
  pages: { '/library/docs': 'swagger' },
  openapiPath: '/library/v1/openapi.json',
  rotatesRefreshTokens: false,
  tokens: { ...DEFAULT_LIFETIMES, access: 600 },
  operations,
  statuses: {},
  messages: { invalid_credentials: 'Who are you?' },
  refusalSchema: Problem,
  refuse: ({ status, message, details }) => ({
    problem: details.field === undefined ? message : `${details.field}: ${message}`,
    status,
  }),
  givesAway: () => [],
  cases: async () => (await import('./conformance.ts')).cases,
};
