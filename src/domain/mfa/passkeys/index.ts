/** Passkeys (WebAuthn level 3): as the whole login, found by the browser, and as the second factor after a password. */
import type { Actor } from '../../../core/actor.ts';
import { DomainError } from '../../../core/errors.ts';
import { isUuid } from '../../../core/ids.ts';
import type { PasskeyRecord } from '../../../storage/passkeys.ts';
import type { MfaDependencies } from '../dependencies.ts';
import { type FactorChanges, parseFactorName } from '../factor-changes.ts';
import { createPasskeyAuthentication, type PasskeyAuthentication } from './authentication.ts';
import { createChallenges } from './challenges.ts';
import { createPasskeyRegistration, type PasskeyRegistration } from './registration.ts';
import { passkeysWorkAt } from './replies.ts';

export type Passkeys = PasskeyRegistration &
  PasskeyAuthentication & {
    /** Whether passkeys are possible: the service must have a domain name. */
    available: boolean;
    /** @throws DomainError factor_not_found, invalid_request. */
    rename(accountId: string, id: string, name: string): Promise<PasskeyRecord>;
    /** @throws DomainError factor_not_found, mfa_required when it is the last factor of somebody who must have one. */
    remove(accountId: string, id: string, actor: Actor): Promise<void>;
  };

export function createPasskeys(dependencies: MfaDependencies, changes: FactorChanges): Passkeys {
  const { passkeys } = dependencies;
  const challenges = createChallenges(dependencies);
  return {
    available: passkeysWorkAt(dependencies.publicUrl),
    ...createPasskeyRegistration(dependencies, challenges, changes),
    ...createPasskeyAuthentication(dependencies, challenges),
    async rename(accountId, id, input) {
      const name = parseFactorName(input);
      const renamed = isUuid(id) ? await passkeys.rename(accountId, id, name) : null;
      if (!renamed) throw new DomainError('factor_not_found');
      return renamed;
    },
    remove: (accountId, id, actor) =>
      changes.remove(
        accountId,
        'passkey',
        async (tx) => (isUuid(id) ? passkeys.delete(accountId, id, tx) : null),
        actor,
      ),
  };
}
