import { systemActor } from '../core/actor.ts';
import { type Operator, requirePermission } from '../domain/operators/operator.ts';
import type { SigningKeyRecord } from '../storage/signing-keys.ts';
import type { KeyRing, KeyState } from './key-ring.ts';

/** The signing keys, as operators manage them. */
export interface KeyAdmin {
  /** Every published key, oldest first. @throws DomainError insufficient_scope. */
  list(operator: Operator): Promise<KeyState[]>;
  /** Makes the next keys. @throws DomainError insufficient_scope; StartupError with a wrong SECRETS_KEY. */
  rotate(operator: Operator): Promise<SigningKeyRecord[]>;
  /** As `KeyRing.retire`. @throws DomainError insufficient_scope, key_not_found, in_use. */
  retire(
    operator: Operator,
    kid: string,
    options: { force: boolean; reason: string | null },
  ): Promise<{ key: KeyState; breaksUntil: Date | null }>;
}

export const createKeyAdmin = (keyRing: KeyRing): KeyAdmin => ({
  async list(operator) {
    requirePermission(operator, 'keys:read');
    return keyRing.list();
  },
  async rotate(operator) {
    requirePermission(operator, 'keys:write');
    await keyRing.maintain(systemActor);
    // Open the existing keys first: new ones are never sealed under a wrong SECRETS_KEY.
    await keyRing.load();
    return keyRing.rotate(operator.actor);
  },
  async retire(operator, kid, options) {
    requirePermission(operator, 'keys:write');
    return keyRing.retire(kid, options, operator.actor);
  },
});
