import type { Actor } from '../../core/actor.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import { present } from '../users/user.ts';
import type { Factor, MfaDependencies } from './dependencies.ts';

/**
 * Takes all second factors off an account, with recovery codes and remembered devices, by authority: also off one that
 * must have a second factor, whose next login asks for a new one. The owner is told of each.
 * @returns how many there were. @throws DomainError user_not_found.
 */
export type FactorReset = (accountId: string, actor: Actor) => Promise<number>;

export const createFactorReset =
  ({
    users,
    totp,
    passkeys,
    recoveryCodes,
    trustedDevices,
    audit,
    inTransaction,
    notices,
  }: MfaDependencies): FactorReset =>
  (accountId, actor) =>
    inTransaction(async (tx) => {
      const account = present(await users.lock(accountId, tx));
      const kinds = [
        { kind: 'totp', store: totp },
        { kind: 'passkey', store: passkeys },
      ] as const;
      const gone = (await Promise.all(kinds.map((one) => removeAll(one, account.id, tx)))).flat();
      for (const factor of gone) {
        await audit.record(
          { type: 'factor.removed', subject: account.id, details: { ...factor } },
          actor,
          tx,
        );
        await notices.factorRemoved(account, factor, actor, tx);
      }
      await recoveryCodes.deleteAll(account.id, tx);
      await trustedDevices.deleteAll(account.id, tx);
      return gone.length;
    });

interface Kind {
  kind: Factor['kind'];
  store: {
    list(accountId: string): Promise<{ id: string; name: string }[]>;
    delete(accountId: string, id: string, tx: Tx): Promise<unknown>;
  };
}

/** The account is locked, so none is added meanwhile. */
async function removeAll({ kind, store }: Kind, accountId: string, tx: Tx): Promise<Factor[]> {
  const found = await store.list(accountId);
  for (const { id } of found) await store.delete(accountId, id, tx);
  return found.map(({ id, name }) => ({ kind, id, name }));
}
