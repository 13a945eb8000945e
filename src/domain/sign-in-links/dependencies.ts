import type { Clock } from '../../core/clock.ts';
import type { Audit } from '../../storage/audit.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { Users } from '../../storage/users.ts';
import type { OutgoingMail } from '../outgoing-mail.ts';
import type { Lockout } from '../lockout.ts';
import type { Logins } from '../login.ts';
import type { LoginSteps } from '../login-steps.ts';
import type { MailLimit } from '../notices/mail-limit.ts';

/** What links that sign in are made of. */
export interface SignInLinkDependencies {
  users: Users;
  tokens: OneTimeTokens;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  audit: Audit;
  inTransaction: InTransaction;
  limit: MailLimit;
  lockout: Pick<Lockout, 'isLocked' | 'forgive'>;
  logins: Pick<Logins, 'beginByMail'>;
  steps: Pick<LoginSteps, 'isUsed'>;
  clock: Clock;
}
