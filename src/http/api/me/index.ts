/** The account of whoever a token speaks for: all that its pages do. */
import type { ApiOperation } from '../operation.ts';
import { apiKeys } from './api-keys.ts';
import { apps } from './apps.ts';
import { credentials } from './credentials.ts';
import { enrolment } from './enrolment.ts';
import { factors } from './factors.ts';
import { identities } from './identities.ts';
import { profile } from './profile.ts';
import { records } from './records.ts';
import { sessions } from './sessions.ts';

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
