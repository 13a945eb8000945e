import type { Settings } from '../../config/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { FactorStores } from '../../storage/factors.ts';
import type { Stores } from '../../storage/stores.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { Lockout } from '../lockout.ts';
import type { Notices } from '../notices.ts';

/** Dependencies of second factors. */
export interface MfaDependencies
  extends FactorStores, Pick<Stores, 'users' | 'audit' | 'inTransaction' | 'unanswered' | 'counters'> {
  lockout: Lockout;
  secrets: Secrets;
  /** For recovery codes that another service hashed. */
  hasher: Pick<PasswordHasher, 'verify'>;
  clock: Clock;
  notices: Pick<Notices, 'factorAdded' | 'factorRemoved' | 'recoveryCodeUsed'>;
  settings: Settings['mfa'];
  /** The service's current name for authenticators. */
  serviceName(): string;
  /** The origin of the pages: passkeys are bound to it. */
  publicUrl: string;
}
