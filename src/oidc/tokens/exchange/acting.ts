import { errors } from 'oidc-provider';
import type { ActClaim } from '../../../core/actor.ts';
import type { ExtraClientProperties } from '../../clients/names.ts';
import type { TokenExchangePolicy } from '../../clients/token-exchange.ts';
import type { PresentedToken } from './presented.ts';

export type ExchangingClient = ExtraClientProperties & { clientId: string };

export const NO_POLICY: TokenExchangePolicy = { audiences: [] };

/** Maximum length of a chain of actors: a longer one is a loop of agents that call each other. */
export const MAX_CHAIN_LENGTH = 8;

/** Everybody in a chain, the current actor first. */
const chainOf = (act: ActClaim | undefined): string[] => (act ? [act.sub, ...chainOf(act.act)] : []);

const claimOf = ([sub, ...before]: string[]): ActClaim | undefined => {
  if (sub === undefined) return undefined;
  const act = claimOf(before);
  return { sub, ...(act && { act }) };
};

/**
 * The `act` claim of the new token (RFC 8693 section 4.1): the actor, and those who acted before. Undefined for impersonation
 * without earlier actors.
 * @throws InvalidRequest when the client may not present this token, or may not act like this.
 */
export function actingUnder(
  client: ExchangingClient,
  subject: PresentedToken,
  actor: PresentedToken | undefined,
): ActClaim | undefined {
  const { clients = [], impersonation = false } = client.token_exchange ?? NO_POLICY;
  if (subject.clientId !== client.clientId && !clients.includes(subject.clientId))
    throw new errors.InvalidRequest(
      'this client may not exchange tokens of the client that subject_token was issued to',
    );
  if (!actor && !impersonation)
    throw new errors.InvalidRequest(
      'actor_token is missing: this client may not exchange tokens without one',
    );
  if (actor && actor.clientId !== client.clientId)
    throw new errors.InvalidRequest('actor_token was not issued to this client');
  // An actor who is acted for comes after whoever acts for them.
  const actors = actor ? [...chainOf(actor.act), actor.sub] : [];
  if (subject.mayAct !== undefined && subject.mayAct.sub !== (actors[0] ?? client.clientId))
    throw new errors.InvalidRequest('subject_token allows only another party to act (may_act)');
  const chain = [...actors, ...chainOf(subject.act)];
  if (chain.length > MAX_CHAIN_LENGTH)
    throw new errors.InvalidRequest(`more than ${MAX_CHAIN_LENGTH} parties would act for one another (act)`);
  return claimOf(chain);
}
