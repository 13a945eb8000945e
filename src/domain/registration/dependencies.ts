import type { Settings } from '../../config/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { Audit } from '../../storage/audit.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import type { Unanswered } from '../../storage/unanswered.ts';
import type { Users } from '../../storage/users.ts';
import type { OutgoingMail } from '../outgoing-mail.ts';
import type { LoginSteps } from '../login-steps.ts';
import type { Notices } from '../notices/index.ts';
import type { MailLimit } from '../notices/mail-limit.ts';
import type { Claiming } from '../ownership/claiming.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { PasswordPolicy } from '../passwords/policy.ts';
import type { Accounts } from '../users/index.ts';

/** What registration by mail is made of. */
export interface RegistrationDependencies extends Claiming {
  users: Pick<Users, 'findByEmailKey' | 'findMovedFrom' | 'lock' | 'update'>;
  accounts: Pick<Accounts, 'create'>;
  outgoingMail: OutgoingMail;
  notices: Pick<Notices, 'accountExists'>;
  audit: Audit;
  inTransaction: InTransaction;
  unanswered: Pick<Unanswered, 'has'>;
  limit: MailLimit;
  policy: PasswordPolicy;
  hasher: PasswordHasher;
  secrets: Secrets;
  steps: Pick<LoginSteps, 'use' | 'isUsed'>;
  clock: Clock;
  settings: Settings['registration'];
}
