import type { Settings } from '../../config/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Attributes } from '../attributes/index.ts';
import type { LegacyAccounts } from '../legacy/index.ts';
import type { Lockout } from '../lockout.ts';
import type { Notices } from '../notices.ts';
import type { Claiming } from '../ownership/claiming.ts';
import type { PasswordCheck } from '../passwords/check.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { PasswordPolicy } from '../passwords/policy.ts';
import type { SessionRevoker } from '../session-revoker.ts';
import type { Offering } from '../undo/offering.ts';
import type { Verification } from '../verification/index.ts';

/** Dependencies of the accounts' use cases. */
export interface AccountsDependencies
  extends
    Claiming,
    Offering,
    Pick<Stores, 'users' | 'identities' | 'audit' | 'inTransaction' | 'unanswered'> {
  /** @throws DomainError invalid_request for a role that does not exist. */
  checkRoles: (names: readonly string[], tx: Tx) => Promise<void>;
  /** The custom attributes of accounts. */
  attributes: Pick<Attributes, 'read' | 'apply' | 'shown'>;
  /** Serializes the creation of the first administrator across nodes until the transaction ends. */
  lockFirstAdmin: (tx: Tx) => Promise<void>;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  passwordCheck: PasswordCheck;
  sessions: SessionRevoker;
  lockout: Pick<Lockout, 'forgive'>;
  /** Notices to the owner, in the transaction of the change. */
  notices: Pick<Notices, 'passwordChanged' | 'emailChanged' | 'accountDeleted'>;
  /** Accounts that are still at another service. */
  legacy: Pick<LegacyAccounts, 'exists'>;
  /** Requests proof of an address by mail. */
  verification: Pick<Verification, 'begin'>;
  clock: Clock;
  registration: Pick<Settings['registration'], 'open'>;
}
