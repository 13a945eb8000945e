/**
 * Whose account it is. Somebody can register anybody's address, and set on that account what opens it later: so nothing
 * of it outlives the first proof by who reads the mailbox and did not know the password. Whoever has a session or a token
 * alone can change an account, and its owner can take that back.
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
