import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import type { Guess } from '../lockout.ts';
import { sourceOfActor } from '../source.ts';
import type { MfaDependencies } from './dependencies.ts';
import { parseRecoveryCode, useRecoveryCode } from './recovery-codes.ts';
import { parseTotpCode, stepOf } from './totp.ts';

/** Kind of a code. */
export type CodeMethod = 'otp' | 'recovery';

export interface CodeCheck {
  /**
   * Checks the code of an authenticator app, or a recovery code, told apart by their form, and uses it up: of any number
   * of tries with one code one succeeds, and only one whose reply is sent counts. Wrong ones are counted like wrong passwords, by account and source.
   * @param code what was typed, unchecked.
   * @throws DomainError invalid_credentials with the field `otp`, account_locked, unavailable.
   */
  verify(accountId: string, code: unknown, actor: Actor): Promise<CodeMethod>;
}

export function createCodeCheck(dependencies: MfaDependencies): CodeCheck {
  const { totp, audit, inTransaction, unanswered, lockout, clock } = dependencies;

  /** Uses a step of one of the account's authenticators: `replayed` when it, or a later one, has been used before. */
  const useTotp = async (accountId: string, code: string) => {
    for (const { id, secret } of await totp.secrets(accountId)) {
      const step = await stepOf(code, secret, clock);
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

  const useRecovery = async (accountId: string, code: string, actor: Actor, guess: Guess) => {
    const used = `recovery-code:${accountId}:${code}`;
    const isNew = await inTransaction(async (tx) => {
      if (!(await useRecoveryCode(dependencies, { accountId, code }, actor, tx))) return false;
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
      const recovery = typeof input === 'string' ? parseRecoveryCode(input) : null;
      if (otp !== null) {
        const outcome = await useTotp(accountId, otp);
        if (outcome === 'right') {
          await lockout.succeeded(guess);
          return 'otp';
        }
        // Not counted: it tells nothing about a code that would serve, and the one who typed it twice is no guesser.
        if (outcome === 'replayed') return refuse('replayed');
      }
      if (recovery !== null && (await useRecovery(accountId, recovery, actor, guess))) return 'recovery';
      await lockout.failed(guess);
      return refuse('wrong');
    },
  };
}
