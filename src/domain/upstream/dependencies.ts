import type { Settings } from '../../config/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Audit } from '../../storage/audit.ts';
import type { Factors } from '../../storage/factors.ts';
import type { Identities } from '../../storage/identities.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { Users } from '../../storage/users.ts';
import type { LoginSteps } from '../login-steps.ts';
import type { Logins } from '../login.ts';
import type { Notices } from '../notices/index.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { PasswordPolicy } from '../passwords/policy.ts';
import type { Verification } from '../verification/index.ts';

/** What signing in by way of other providers is made of. */
export interface UpstreamDependencies {
  users: Users;
  identities: Identities;
  factors: Pick<Factors, 'count'>;
  audit: Audit;
  inTransaction: InTransaction;
  notices: Pick<Notices, 'factorAdded' | 'factorRemoved'>;
  verification: Pick<Verification, 'begin'>;
  logins: Pick<Logins, 'beginFederated'>;
  steps: Pick<LoginSteps, 'use'>;
  policy: PasswordPolicy;
  hasher: PasswordHasher;
  clock: Clock;
  registration: Settings['registration'] & { verifyEmail: boolean };
  /** What a provider is called, as long as it is one. */
  nameOf(upstream: string): string | undefined;
}
