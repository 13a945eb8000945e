import type { Clock } from '../../core/clock.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Offer } from '../notices.ts';
import { type Evidence, evidenceOf } from '../ownership/claiming.ts';

/** Changes that can be undone. */
export type Undoable = 'email' | 'password' | 'deletion';

/** Payload of an undo link. */
export interface Undo extends Evidence {
  matter: Undoable;
  at: string;
  /** For a deleted account. */
  status: UserRecord['status'];
}

export interface Offering {
  /**
   * Creates a link in `tx` by which an account's owner undoes a change within seven days, for the address in force before it.
   * @param before the account as it was.
   * @returns null when there are so many that another is useless: each also undoes later changes.
   */
  offer(before: UserRecord, matter: Undoable, tx: Tx): Promise<Offer | null>;
  /** The same for a deletion, for every address that could undo something until then. */
  offerRestoring(before: UserRecord, tx: Tx): Promise<Offer[]>;
}

/** Lifetime of a link in seconds. */
export const UNDO_TTL = 7 * 86_400;
/** Maximum number of links per account. */
const MAX_LINKS = 20;

export function offering({
  tokens,
  clock,
}: {
  tokens: Pick<OneTimeTokens, 'create' | 'listOf'>;
  clock: Clock;
}): Offering {
  const make = async (
    { id, status }: UserRecord,
    evidence: Evidence,
    matter: Undoable,
    tx: Tx,
  ): Promise<Offer> => {
    const now = clock.now();
    const payload: Undo = { ...evidence, matter, status, at: new Date(now).toISOString() };
    const token = await tokens.create(
      { purpose: 'undo', accountId: id, payload, ttl: UNDO_TTL, keepOlder: true },
      tx,
    );
    const expiresAt = new Date(now + UNDO_TTL * 1000).toISOString();
    return { to: evidence.email, link: { token, lasts: UNDO_TTL, expiresAt } };
  };

  return {
    async offer(before, matter, tx) {
      const older = await tokens.listOf<Undo>(before.id, 'undo', tx);
      return older.length < MAX_LINKS ? make(before, evidenceOf(before), matter, tx) : null;
    },
    async offerRestoring(before, tx) {
      const evidence = evidenceOf(before);
      const older = await tokens.listOf<Undo>(before.id, 'undo', tx);
      const addresses = new Map<string, Evidence>([
        [evidence.emailKey, evidence],
        ...older.map((payload): [string, Evidence] => [payload.emailKey, payload]),
      ]);
      const offers = [];
      for (const evidence of addresses.values()) offers.push(await make(before, evidence, 'deletion', tx));
      return offers;
    },
  };
}
