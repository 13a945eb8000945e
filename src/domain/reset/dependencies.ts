import type { Clock } from '../../core/clock.ts';
import type { Audit } from '../../storage/audit.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { SignIns } from '../../storage/sign-ins.ts';
import type { Unanswered } from '../../storage/unanswered.ts';
import type { Users } from '../../storage/users.ts';
import type { OutgoingMail } from '../outgoing-mail.ts';
import type { MailLimit } from '../notices/mail-limit.ts';
import type { Claiming } from '../ownership/claiming.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { PasswordPolicy } from '../passwords/policy.ts';

/** What password reset is made of. */
export interface ResetDependencies extends Claiming {
  users: Users;
  tokens: OneTimeTokens;
  unanswered: Unanswered;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  audit: Audit;
  inTransaction: InTransaction;
  limit: MailLimit;
  signIns: Pick<SignIns, 'knows'>;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  clock: Clock;
}
