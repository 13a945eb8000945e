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
  /** Of an account that was deleted. */
  status: UserRecord['status'];
}

export interface Offering {
  /**
   * Makes a link in `tx` with which the owner of an account takes a change back within seven days, for the address that
   * counted before it.
   * @param before the account as it was.
   * @returns null when there are so many that one more is no use: each takes back what came later, too.
   */
  offer(before: UserRecord, matter: Undoable, tx: Tx): Promise<Offer | null>;
  /** The same for a deletion, for every address that could take something back until then. */
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
