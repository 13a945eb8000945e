import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { isUuid, newUuid } from '../../core/ids.ts';
import type { TextForm } from '../../core/text.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import { NAME_FORM, parseName } from '../identifiers.ts';
import { requireOwner } from '../ownership/address.ts';
import { present } from '../users/user.ts';
import type { Factor } from '../notices.ts';
import type { MfaDependencies } from './dependencies.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import type { Requirement } from './requirement.ts';

const MAX_NAME_LENGTH = 60;

export const FACTOR_NAME_FORM: TextForm = {
  ...NAME_FORM,
  maxLength: MAX_NAME_LENGTH,
  examples: ['My phone'],
};

/** An owner's name for a factor: 1 to 60 printable characters. @throws DomainError invalid_request. */
export const parseFactorName = (value: string): string => parseName('name', value, MAX_NAME_LENGTH).trim();

/** What every change of an account's factors has in common. Changes of one account are serialized. */
export interface FactorChanges {
  /**
   * Whether a factor may be added to an account. An unproven owner may add the one that the policy requires for signing in; it
   * is removed when the owner proves the address.
   * @throws DomainError email_unverified.
   */
  admit(account: UserRecord, tx?: Tx): Promise<void>;
  /**
   * Adds the factor that `insert` writes. The first one comes with recovery codes, shown this once. Ends remembered devices and
   * logins under way, which relied on other factors.
   * @param expected the security version that the account must have; any when undefined.
   * @returns also its new version.
   * @throws DomainError invalid_token when it has another version, user_not_found, email_unverified, invalid_request with the
   *   reason too_many; what `insert` throws.
   */
  add<Record extends { id: string; name: string }>(
    accountId: string,
    kind: Factor['kind'],
    insert: (tx: Tx) => Promise<Record>,
    actor: Actor,
    expected?: number,
  ): Promise<{ added: Record; recoveryCodes: string[] | null; securityVersion: number }>;
  /** The owner's changes of factors of one kind. */
  of<Record extends { id: string; name: string }>(
    kind: Factor['kind'],
    store: FactorStore<Record>,
  ): OwnFactors<Record>;
}

/** The stored factors of one kind. */
interface FactorStore<Record> {
  rename(accountId: string, id: string, name: string): Promise<Record | null>;
  delete(accountId: string, id: string, tx: Tx): Promise<Record | null>;
}

export interface OwnFactors<Record> {
  /** @throws DomainError factor_not_found, invalid_request. */
  rename(accountId: string, id: string, name: string): Promise<Record>;
  /**
   * Removes a factor; with the last one, recovery codes too.
   * @throws DomainError factor_not_found, user_not_found, mfa_required when it is the last one of somebody who must have one.
   */
  remove(accountId: string, id: string, actor: Actor): Promise<void>;
}

function existing<Record>(factor: Record | null): Record {
  if (!factor) throw new DomainError('factor_not_found');
  return factor;
}

/** Upper bound that keeps a login cheap. */
const MAX_FACTORS = 20;

export function factorChanges(
  { users, factors, recoveryCodes, trustedDevices, audit, inTransaction, notices }: MfaDependencies,
  requirement: Requirement,
): FactorChanges {
  const detailsOf = ({ kind, id, name }: Factor) => ({ kind, id, name });
  const admit: FactorChanges['admit'] = async (account, tx) => {
    if (account.ownerProvenAt !== null) return;
    const { totp, passkeys } = await factors.count(account.id, tx);
    if (totp + passkeys > 0 || !requirement.applies(account)) requireOwner(account);
  };
  return {
    admit,
    add: (accountId, kind, insert, actor, expected) =>
      inTransaction(async (tx) => {
        const account = present(await users.lock(accountId, tx));
        if (expected !== undefined && account.securityVersion !== expected)
          throw new DomainError('invalid_token');
        await admit(account, tx);
        const before = await factors.count(account.id, tx);
        const many = before.totp + before.passkeys;
        if (many >= MAX_FACTORS) throw new DomainError('invalid_request', { reason: 'too_many' });
        const added = await insert(tx);
        const factor: Factor = { id: added.id, kind, name: added.name };
        await trustedDevices.deleteAll(account.id, tx);
        const codes = many === 0 ? newRecoveryCodes() : null;
        if (codes) await recoveryCodes.replace(account.id, codes.stored, tx);
        const details = detailsOf(factor);
        await audit.record({ type: 'factor.added', subject: account.id, details }, actor, tx);
        await notices.factorAdded(account, factor, actor, tx);
        const securityVersion = await users.advanceSecurity(account.id, tx);
        return { added, recoveryCodes: codes && codes.shown, securityVersion };
      }),
    of: (kind, store) => ({
      async rename(accountId, id, input) {
        const name = parseFactorName(input);
        return existing(isUuid(id) ? await store.rename(accountId, id, name) : null);
      },
      remove: (accountId, id, actor) =>
        inTransaction(async (tx) => {
          const account = present(await users.lock(accountId, tx));
          const removed = existing(isUuid(id) ? await store.delete(accountId, id, tx) : null);
          const factor: Factor = { id: removed.id, kind, name: removed.name };
          const left = await factors.count(account.id, tx);
          if (left.totp + left.passkeys === 0) {
            if (requirement.applies(account))
              throw new DomainError('mfa_required', { reason: 'last_factor' });
            await recoveryCodes.deleteAll(account.id, tx);
          }
          await trustedDevices.deleteAll(account.id, tx);
          const details = detailsOf(factor);
          await audit.record({ type: 'factor.removed', subject: account.id, details }, actor, tx);
          await users.advanceSecurity(account.id, tx);
          await notices.factorRemoved(account, factor, actor, tx);
        }),
    }),
  };
}

/**
 * Removes all second factors of an account by authority, with recovery codes and remembered devices, even from one that must
 * have a second factor: its next login requires a new one. The owner is told of each.
 * @param only the id of a single factor to remove, or `recovery_codes`; with the last factor recovery codes go too.
 * @returns how many there were.
 * @throws DomainError user_not_found, factor_not_found.
 */
export type FactorReset = (accountId: string, actor: Actor, only?: string) => Promise<number>;

/** The id of recovery codes where a factor is named by its id. */
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

/** The account is locked, so none can be added meanwhile. */
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
