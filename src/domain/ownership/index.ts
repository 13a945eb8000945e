/**
 * Ownership of accounts. Anybody can register another person's address and prepare a later way in (pre-hijacking). So
 * everything set on an account ends with the first proof by a reader of the mailbox who did not know the password.
 * Changes made with only a session or token can be undone by the owner.
 */
import type { Clock } from '../../core/clock.ts';
import type { Belongings } from '../../storage/belongings.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Lockout } from '../lockout.ts';
import type { Notices } from '../notices.ts';
import type { SessionRevoker } from '../session-revoker.ts';
import { offering, type Offering } from '../undo/offering.ts';
import { type Claiming, type Clear, createClaiming, createClear } from './claiming.ts';

export interface Ownership extends Claiming, Offering {
  clear: Clear;
}

export function createOwnership(
  dependencies: Pick<Stores, 'users' | 'audit'> & {
    tokens: OneTimeTokens;
    belongings: Belongings;
    sessions: SessionRevoker;
    lockout: Pick<Lockout, 'forgive'>;
    notices: Pick<Notices, 'accountCleared' | 'passwordChanged'>;
    clock: Clock;
  },
): Ownership {
  const clear = createClear(dependencies);
  return { clear, ...createClaiming({ ...dependencies, clear }), ...offering(dependencies) };
}
