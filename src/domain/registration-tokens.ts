import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { randomToken } from '../core/ids.ts';
import type { RegistrationTokenRecord, RegistrationTokenStore } from '../storage/registration-tokens.ts';
import type { Stores } from '../storage/stores.ts';

export type { RegistrationTokenRecord } from '../storage/registration-tokens.ts';

/** Initial access tokens (RFC 7591 section 3): whoever has one may register clients under its policy until it ends. */
export interface RegistrationTokens {
  /** @returns the token, shown this once. @throws DomainError invalid_request for an unknown policy. */
  create(
    token: { policy: string; expiresAt: Date },
    actor: Actor,
  ): Promise<{ token: string; record: RegistrationTokenRecord }>;
  list(): Promise<RegistrationTokenRecord[]>;
  /** Ends a token; clients registered with it stay. @throws DomainError not_found. */
  revoke(id: string, actor: Actor): Promise<void>;
}

export function createRegistrationTokens({
  tokens,
  policies,
  clock,
  audit,
  inTransaction,
}: Pick<Stores, 'audit' | 'inTransaction'> & {
  tokens: RegistrationTokenStore;
  /** The names of the configured policies. */
  policies: string[];
  clock: Clock;
}): RegistrationTokens {
  return {
    async create({ policy, expiresAt }, actor) {
      if (!(expiresAt.getTime() > clock.now()))
        throw new DomainError('invalid_request', { field: 'expires_at', reason: 'must be in the future' });
      if (!policies.includes(policy))
        throw new DomainError('invalid_request', {
          field: 'policy',
          reason: `must be one of ${policies.join(', ')}`,
        });
      const token = randomToken();
      const record = await inTransaction(async (tx) => {
        const created = await tokens.create({ token, policy, expiresAt }, tx);
        const details = { id: created.id, policy, after: { policy, expires_at: expiresAt } };
        await audit.record({ type: 'registration_token.created', details }, actor, tx);
        return created;
      });
      return { token, record };
    },
    list: () => tokens.list(),
    revoke: (id, actor) =>
      inTransaction(async (tx) => {
        if (!(await tokens.delete(id, tx))) throw new DomainError('not_found');
        await audit.record({ type: 'registration_token.revoked', details: { id } }, actor, tx);
      }),
  };
}
