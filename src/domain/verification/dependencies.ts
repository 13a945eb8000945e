import type { Clock } from '../../kernel/clock.ts';
import type { Audit } from '../../storage/audit.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { Unanswered } from '../../storage/unanswered.ts';
import type { Users } from '../../storage/users.ts';
import type { Letters } from '../letters/index.ts';
import type { Notices } from '../notices/index.ts';
import type { MailLimit } from '../notices/mail-limit.ts';

/** What verification is made of. */
export interface VerificationDependencies {
  users: Users;
  tokens: OneTimeTokens;
  unanswered: Unanswered;
  letters: Letters;
  notices: Pick<Notices, 'emailChangeRequested' | 'emailChanged' | 'accountExists'>;
  audit: Audit;
  inTransaction: InTransaction;
  limit: MailLimit;
  clock: Clock;
}
