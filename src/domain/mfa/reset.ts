import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import { present } from '../users/user.ts';
import type { Factor, MfaDependencies } from './dependencies.ts';

/**
 * Takes all second factors off an account, with recovery codes and remembered devices, by authority: also off one that
 * must have a second factor, whose next login asks for a new one. The owner is told of each.
 * @param only the id of the one that goes alone, or `recovery_codes`; with the last factor recovery codes go too.
 * @returns how many there were. @throws DomainError user_not_found, factor_not_found.
 */
export type FactorReset = (accountId: string, actor: Actor, only?: string) => Promise<number>;

/** What recovery codes are called where a factor is named by its id. */
export const RECOVERY_CODES = 'recovery_codes';

export const createFactorReset =
  ({
    users,
    factors,
    totp,
    passkeys,
    recoveryCodes,
    trustedDevices,
    audit,
    inTransaction,
    notices,
  }: MfaDependencies): FactorReset =>
  (accountId, actor, only) =>
    inTransaction(async (tx) => {
      const account = present(await users.lock(accountId, tx));
      if (only === RECOVERY_CODES) {
        const { recoveryCodes: codes } = await factors.count(account.id, tx);
        if (codes === 0) throw new DomainError('factor_not_found');
        await recoveryCodes.deleteAll(account.id, tx);
        const factor = { kind: 'recovery-codes', id: RECOVERY_CODES, name: null } as const;
        const details = { kind: factor.kind, count: codes };
        await audit.record({ type: 'factor.removed', subject: account.id, details }, actor, tx);
        await notices.factorRemoved(account, { ...factor, id: newUuid() }, actor, tx);
        return codes;
      }
      const kinds = [
        { kind: 'totp', store: totp },
        { kind: 'passkey', store: passkeys },
      ] as const;
      const gone = (await Promise.all(kinds.map((one) => removeAll(one, account.id, only, tx)))).flat();
      for (const factor of gone) {
        await audit.record(
          { type: 'factor.removed', subject: account.id, details: { ...factor } },
          actor,
          tx,
        );
        await notices.factorRemoved(account, factor, actor, tx);
      }
      if (only !== undefined && gone.length === 0) throw new DomainError('factor_not_found');
      const left = await factors.count(account.id, tx);
      if (left.totp + left.passkeys === 0) await recoveryCodes.deleteAll(account.id, tx);
      await trustedDevices.deleteAll(account.id, tx);
      if (gone.length > 0) await users.advanceSecurity(account.id, tx);
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
async function removeAll(
  { kind, store }: Kind,
  accountId: string,
  only: string | undefined,
  tx: Tx,
): Promise<Factor[]> {
  const all = await store.list(accountId);
  const found = only === undefined ? all : all.filter(({ id }) => id === only.toLowerCase());
  for (const { id } of found) await store.delete(accountId, id, tx);
  return found.map(({ id, name }) => ({ kind, id, name }));
}
