import { errors } from 'oidc-provider';
import type { ExtraClientProperties } from '../../clients/metadata.ts';
import type { TokenExchangePolicy } from '../../clients/token-exchange.ts';
import type { ActClaim, PresentedToken } from './presented.ts';

type Client = ExtraClientProperties & { clientId: string };

const NOTHING: TokenExchangePolicy = { audiences: [] };

/**
 * The one API that the new token is for: the one named, the client's default, or the only one that it may have.
 * @throws InvalidTarget when the client may have no token for it (RFC 8693 section 2.2.2).
 */
export function targetOf(client: Client, named: string[]): string {
  const { audiences } = client.token_exchange ?? NOTHING;
  const [target = client.default_resource ?? (audiences.length === 1 ? audiences[0] : undefined), ...others] =
    new Set(named);
  if (target === undefined) throw new errors.InvalidTarget('resource or audience must name an API');
  if (others.length > 0) throw new errors.InvalidTarget('a token is for one API alone');
  if (!audiences.includes(target))
    throw new errors.InvalidTarget('this client may get no token for this API by token exchange');
  return target;
}

/**
 * Who the new token says is acting (RFC 8693 section 4.1): the actor, and those who acted before. Undefined when it
 * tells of nobody: impersonation of a person by the first to ask.
 * @throws InvalidRequest when the client may not hand in this token, or may not act so.
 */
export function actingUnder(
  client: Client,
  subject: PresentedToken,
  actor: PresentedToken | undefined,
): ActClaim | undefined {
  const { clients = [], impersonation = false } = client.token_exchange ?? NOTHING;
  if (subject.clientId !== client.clientId && !clients.includes(subject.clientId))
    throw new errors.InvalidRequest(
      'this client may not exchange tokens of the client that subject_token is of',
    );
  if (!actor && !impersonation)
    throw new errors.InvalidRequest(
      'actor_token is missing: this client may not act without saying who does',
    );
  if (actor && actor.clientId !== client.clientId)
    throw new errors.InvalidRequest('actor_token was not issued to this client');
  if (subject.mayAct !== undefined && subject.mayAct.sub !== (actor?.sub ?? client.clientId))
    throw new errors.InvalidRequest('subject_token says that another party may act (may_act)');
  if (!actor) return subject.act;
  return { sub: actor.sub, ...(subject.act && { act: subject.act }) };
}
