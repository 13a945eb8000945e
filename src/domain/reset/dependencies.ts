import type { Clock } from '../../kernel/clock.ts';
import type { Audit } from '../../storage/audit.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { SignIns } from '../../storage/sign-ins.ts';
import type { Unanswered } from '../../storage/unanswered.ts';
import type { Users } from '../../storage/users.ts';
import type { Letters } from '../letters/index.ts';
import type { Lockout } from '../lockout.ts';
import type { Notices } from '../notices/index.ts';
import type { MailLimit } from '../notices/mail-limit.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { PasswordPolicy } from '../passwords/policy.ts';
import type { SessionEnder } from '../session-ender.ts';

/** What password reset is made of. */
export interface ResetDependencies {
  users: Users;
  tokens: OneTimeTokens;
  unanswered: Unanswered;
  letters: Pick<Letters, 'send'>;
  notices: Pick<Notices, 'passwordChanged'>;
  audit: Audit;
  inTransaction: InTransaction;
  limit: MailLimit;
  signIns: Pick<SignIns, 'knows'>;
  lockout: Pick<Lockout, 'forgive'>;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  sessions: SessionEnder;
  clock: Clock;
}
