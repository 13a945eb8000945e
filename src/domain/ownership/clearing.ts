import type { Actor } from '../../core/actor.ts';
import type { Audit } from '../../storage/audit.ts';
import type { Belongings } from '../../storage/belongings.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Notices } from '../notices/index.ts';
import type { SessionRevoker } from '../session-revoker.ts';

/**
 * Ends what was set on an account in `tx`: factors, identities, API keys, remembered devices, consents, sessions and every
 * token; and tells the owner what there was.
 * @param account as it is afterwards: the letter goes to its address.
 * @param since sessions and tokens end all the same, of the rest what was set from then on; everything with null.
 */
export type Clear = (account: UserRecord, since: Date | null, actor: Actor, tx: Tx) => Promise<void>;

interface Dependencies {
  belongings: Belongings;
  sessions: SessionRevoker;
  audit: Audit;
  notices: Pick<Notices, 'accountCleared'>;
}

export const createClear =
  ({ belongings, sessions, audit, notices }: Dependencies): Clear =>
  async (account, since, actor, tx) => {
    // Counted before the sessions end, because API keys end with them.
    const removed = await belongings.clear(account.id, since, tx);
    await sessions.revokeAll(account.id, tx);
    if (Object.values(removed).every((count) => count === 0)) return;
    await audit.record({ type: 'account.cleared', subject: account.id, details: { ...removed } }, actor, tx);
    await notices.accountCleared(account, removed, actor, tx);
  };
