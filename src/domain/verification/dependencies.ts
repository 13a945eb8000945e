import type { Clock } from '../../core/clock.ts';
import type { Audit } from '../../storage/audit.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { Unanswered } from '../../storage/unanswered.ts';
import type { Users } from '../../storage/users.ts';
import type { OutgoingMail } from '../outgoing-mail.ts';
import type { Notices } from '../notices/index.ts';
import type { MailLimit } from '../notices/mail-limit.ts';
import type { Clear } from '../ownership/clearing.ts';
import type { PasswordCheck } from '../passwords/check.ts';
import type { Offering } from '../undo/offering.ts';

/** What verification is made of. */
export interface VerificationDependencies extends Pick<Offering, 'offer'> {
  users: Users;
  tokens: OneTimeTokens;
  unanswered: Unanswered;
  outgoingMail: OutgoingMail;
  notices: Pick<Notices, 'emailChangeRequested' | 'emailChanged' | 'accountExists'>;
  audit: Audit;
  inTransaction: InTransaction;
  limit: MailLimit;
  clear: Clear;
  passwordCheck: PasswordCheck;
  clock: Clock;
}
