/** The API of a token's own account: everything that the account pages offer. */
import type { ApiOperation } from '../operation.ts';
import { apiKeys, identities, records } from './records.ts';
import { apps, sessions } from './sessions.ts';
import { credentials, enrolment, factors } from './factors.ts';
import { profile } from './profile.ts';

export const me: readonly ApiOperation[] = [
  ...profile,
  ...credentials,
  ...factors,
  ...enrolment,
  ...identities,
  ...sessions,
  ...apps,
  ...apiKeys,
  ...records,
];
