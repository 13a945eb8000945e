import type { Clock } from '../../core/clock.ts';
import type { Audit } from '../../storage/audit.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { Unanswered } from '../../storage/unanswered.ts';
import type { Users } from '../../storage/users.ts';
import type { MailLimit } from '../notices/mail-limit.ts';
import type { Claiming } from '../ownership/claiming.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { PasswordPolicy } from '../passwords/policy.ts';
import type { SessionRevoker } from '../session-revoker.ts';

/** What taking changes back is made of. */
export interface UndoDependencies extends Claiming {
  users: Users;
  tokens: OneTimeTokens;
  unanswered: Unanswered;
  audit: Audit;
  inTransaction: InTransaction;
  limit: MailLimit;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  sessions: SessionRevoker;
  clock: Clock;
}
