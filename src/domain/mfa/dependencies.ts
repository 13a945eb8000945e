import type { Settings } from '../../config/index.ts';
import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { FactorStores } from '../../storage/factors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { Lockout } from '../lockout.ts';

/** A second factor, for notices to its owner. */
export interface Factor {
  id: string;
  kind: 'totp' | 'passkey' | 'recovery-codes';
  name: string | null;
}

/** Notifies the account's owner when the transaction commits. */
interface FactorNotices {
  factorAdded(account: UserRecord, factor: Factor, actor: Actor, tx: Tx): Promise<void>;
  factorRemoved(account: UserRecord, factor: Factor, actor: Actor, tx: Tx): Promise<void>;
  /** @param code.left the codes that remain. */
  recoveryCodeUsed(
    account: UserRecord,
    code: { id: string; left: number },
    actor: Actor,
    tx: Tx,
  ): Promise<void>;
}

/** Dependencies of second factors. */
export interface MfaDependencies
  extends FactorStores, Pick<Stores, 'users' | 'audit' | 'inTransaction' | 'unanswered' | 'counters'> {
  lockout: Lockout;
  secrets: Secrets;
  /** For recovery codes that another service hashed. */
  hasher: Pick<PasswordHasher, 'verify'>;
  clock: Clock;
  notices: FactorNotices;
  settings: Settings['mfa'];
  /** What authenticators call this service now. */
  serviceName(): string;
  /** The origin of the pages: passkeys are bound to it. */
  publicUrl: string;
}
