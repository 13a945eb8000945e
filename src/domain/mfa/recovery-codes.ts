import { randomInt } from 'node:crypto';
import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { newUuid, randomToken } from '../../core/ids.ts';
import { narrow } from '../../core/text.ts';
import type { UsedCode } from '../../storage/factors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import { present } from '../users/user.ts';
import type { MfaDependencies } from './dependencies.ts';

export interface RecoveryCodes {
  /**
   * Ten new codes that replace all earlier ones, shown this once.
   * @throws DomainError user_not_found, factor_not_found when there is no factor that they could replace.
   */
  regenerate(accountId: string, actor: Actor): Promise<string[]>;
}

const CODES = 10;
/** Crockford's base32: no I, L, O or U, which are easily misread. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const GROUPS = [4, 4, 4];
const FORM = /^[0-9A-HJKMNP-TV-Z]{12}$/;
/** Any spaces and dashes between included. */
const MAX_INPUT_LENGTH = 64;

/** Ten codes of 60 bits: in groups for people, and as they are stored. */
export function newRecoveryCodes(): { shown: string[]; stored: string[] } {
  const character = () => ALPHABET[randomInt(ALPHABET.length)];
  const shown = Array.from({ length: CODES }, () =>
    GROUPS.map((size) => Array.from({ length: size }, character).join('')).join('-'),
  );
  return { shown, stored: shown.map((code) => code.replaceAll('-', '')) };
}

/** A typed recovery code in stored form; null for an impossible one. */
export function parseRecoveryCode(input: string): string | null {
  if (input.length > MAX_INPUT_LENGTH) return null;
  const letters = narrow(input).toUpperCase();
  const code = letters
    .replaceAll(/[\s\p{Pd}]/gu, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return FORM.test(code) ? code : null;
}

/** Another service's code as its hash is made here: formats differ, but never in case or blanks alone. */
export const importedCodeForm = (code: string): string =>
  narrow(code)
    .toLowerCase()
    .replaceAll(/[\s\p{Pd}]/gu, '');

/** The stored forms of a typed code: imported ones, and ours. */
export const codeForms = (input: string): string[] =>
  input.length > MAX_INPUT_LENGTH || input.trim() === ''
    ? []
    : [...new Set([parseRecoveryCode(input) ?? [], importedCodeForm(input)].flat())];

/** Uses up a code in `tx`, and tells the owner. @returns whether it was one of the account's. */
export async function useRecoveryCode(
  { users, factors, recoveryCodes, audit, notices }: MfaDependencies,
  { accountId, ...code }: { accountId: string } & UsedCode,
  actor: Actor,
  tx: Tx,
): Promise<boolean> {
  const account = await users.lock(accountId, tx);
  if (!account || !(await recoveryCodes.use(account.id, code, tx))) return false;
  const { recoveryCodes: left } = await factors.count(account.id, tx);
  await audit.record({ type: 'recovery_code.used', subject: account.id, details: { left } }, actor, tx);
  await notices.recoveryCodeUsed(account, { id: newUuid(), left }, actor, tx);
  return true;
}

export function createRecoveryCodes(dependencies: MfaDependencies): RecoveryCodes {
  const { users, factors, recoveryCodes, audit, inTransaction, notices } = dependencies;
  return {
    regenerate: (accountId, actor) =>
      inTransaction(async (tx) => {
        const account = present(await users.lock(accountId, tx));
        const { totp, passkeys } = await factors.count(account.id, tx);
        if (totp + passkeys === 0) throw new DomainError('factor_not_found');
        const { shown, stored } = newRecoveryCodes();
        await recoveryCodes.replace(account.id, stored, tx);
        await users.advanceSecurity(account.id, tx);
        await audit.record({ type: 'recovery_codes.regenerated', subject: account.id }, actor, tx);
        await notices.factorAdded(account, { id: newUuid(), kind: 'recovery-codes', name: null }, actor, tx);
        return shown;
      }),
  };
}

/** Browsers that skip the second factor for a while. A change of factors ends them. */
export interface Devices {
  /** @param seconds how long. @returns the token for a cookie of that browser. */
  trust(accountId: string, seconds: number, actor: Actor): Promise<string>;
  /** @param token the cookie's value, unchecked. */
  isTrusted(accountId: string, token: unknown): Promise<boolean>;
  /** Ends all of the account's, whenever its sessions end. */
  forgetAll(accountId: string, tx: Tx): Promise<void>;
}

const TOKEN = /^[\w-]{43}$/;

export function createDevices(dependencies: MfaDependencies): Devices {
  const { trustedDevices, audit, inTransaction, clock } = dependencies;
  return {
    async trust(accountId, seconds, actor) {
      const token = randomToken();
      const expiresAt = new Date(clock.now() + seconds * 1000);
      await inTransaction(async (tx) => {
        await trustedDevices.add(accountId, token, expiresAt, tx);
        await audit.record({ type: 'device.trusted', subject: accountId, details: { seconds } }, actor, tx);
      });
      return token;
    },
    isTrusted: async (accountId, token) =>
      typeof token === 'string' &&
      TOKEN.test(token) &&
      (await trustedDevices.has(accountId, token, clock.now())),
    forgetAll: (accountId, tx) => trustedDevices.deleteAll(accountId, tx),
  };
}
