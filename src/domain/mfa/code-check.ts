import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import type { Guess } from '../lockout.ts';
import { sourceOfActor } from '../source.ts';
import type { MfaDependencies } from './dependencies.ts';
import { codeForms, useRecoveryCode } from './recovery-codes.ts';
import { parseTotpCode, stepOf } from './totp.ts';

/** Kind of a code. */
export type CodeMethod = 'otp' | 'recovery';

export interface CodeCheck {
  /**
   * Checks the code of an authenticator app, or a recovery code, told apart by their form, and uses it up: one of concurrent
   * attempts succeeds, and only if its reply is sent. Wrong codes are counted like wrong passwords, by account and source.
   * @param code what was typed, unchecked.
   * @throws DomainError invalid_credentials with the field `otp`, account_locked, unavailable.
   */
  verify(accountId: string, code: unknown, actor: Actor): Promise<CodeMethod>;
}

export function createCodeCheck(dependencies: MfaDependencies): CodeCheck {
  const { totp, recoveryCodes, hasher, audit, inTransaction, unanswered, lockout, clock } = dependencies;

  /** Uses up a step of one of the account's authenticators: `replayed` when it, or a later one, has been used before. */
  const useTotp = async (accountId: string, code: string) => {
    for (const { id, ...key } of await totp.keys(accountId)) {
      const step = await stepOf(code, key, clock);
      if (step === null) continue;
      const used = `totp:${id}:${step}`;
      const isNew = await inTransaction(async (tx) => {
        if (!(await totp.useStep(id, step, new Date(clock.now()), tx))) return false;
        await unanswered.note(used, accountId, tx);
        return true;
      });
      if (isNew) return 'right';
      const serves = (await totp.isLastStep(id, step)) && (await unanswered.retake(used)) !== null;
      return serves ? 'right' : 'replayed';
    }
    return 'wrong';
  };

  /** The other service's hash that one of `forms` matches. */
  const foreignHash = async (accountId: string, input: string, forms: string[]): Promise<string | null> => {
    for (const hash of await recoveryCodes.foreignHashes(accountId))
      for (const form of new Set([input.trim(), ...forms])) if (await hasher.verify(hash, form)) return hash;
    return null;
  };

  const useRecovery = async (accountId: string, input: string, actor: Actor, guess: Guess) => {
    const forms = codeForms(input);
    if (forms.length === 0) return false;
    const used = `recovery-code:${accountId}:${forms[0]}`;
    const hash = await foreignHash(accountId, input, forms);
    const isNew = await inTransaction(async (tx) => {
      if (!(await useRecoveryCode(dependencies, { accountId, forms, hash }, actor, tx))) return false;
      await unanswered.note(used, accountId, tx);
      // Inside the transaction, so that a code is not used up if its success cannot be reported.
      await lockout.succeeded(guess);
      return true;
    });
    if (isNew) return true;
    if ((await unanswered.retake(used)) === null) return false;
    await lockout.succeeded(guess);
    return true;
  };

  return {
    async verify(accountId, input, actor) {
      const guess = { subject: `factor:${accountId}`, accountId, source: sourceOfActor(actor) };
      const refuse = async (reason: string): Promise<never> => {
        const details = { method: 'code', reason };
        await audit.record({ type: 'factor.failed', outcome: 'failure', subject: accountId, details }, actor);
        throw new DomainError('invalid_credentials', { field: 'otp' });
      };

      await lockout.check(guess);
      const otp = typeof input === 'string' ? parseTotpCode(input) : null;
      if (otp !== null) {
        const outcome = await useTotp(accountId, otp);
        if (outcome === 'right') {
          await lockout.succeeded(guess);
          return 'otp';
        }
        // Not counted: it reveals nothing about a valid code, and somebody who typed one twice is not guessing.
        if (outcome === 'replayed') return refuse('replayed');
      }
      if (typeof input === 'string' && (await useRecovery(accountId, input, actor, guess))) return 'recovery';
      await lockout.failed(guess);
      return refuse('wrong');
    },
  };
}
