import type { KoaContextWithOIDC } from 'oidc-provider';
import { epochSeconds, type Clock } from '../../core/clock.ts';
import type { Attributes } from '../../domain/attributes/index.ts';
import type { Allowed } from '../../storage/consents.ts';
import type { Stores } from '../../storage/stores.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { markView, viewOf } from '../sessions/viewing.ts';
import type { ApiRegistry } from '../tokens/apis.ts';
import type { Authorization } from '../tokens/authorization-claims.ts';

type Grant = InstanceType<KoaContextWithOIDC['oidc']['provider']['Grant']>;

/** Adds allowed scopes, claims and details to a grant. */
export function allow(grant: Grant, { oidcScopes, oidcClaims, resourceScopes }: Allowed): void {
  if (oidcScopes.length > 0) grant.addOIDCScope(oidcScopes.join(' '));
  if (oidcClaims.length > 0) grant.addOIDCClaims(oidcClaims);
  for (const [resource, scopes] of Object.entries(resourceScopes))
    grant.addResourceScope(resource, scopes.join(' '));
}

/** Everything that the request asks for, for a first-party client. */
export function requested({ oidc }: KoaContextWithOIDC): Allowed {
  const servers = Object.entries(oidc.resourceServers ?? {});
  return {
    oidcScopes: [...oidc.requestParamOIDCScopes],
    oidcClaims: [...oidc.requestParamClaims],
    resourceScopes: Object.fromEntries(
      servers.map(([id, server]) => [
        id,
        [...oidc.requestParamScopes].filter((scope) => server.scopes.has(scope)),
      ]),
    ),
  };
}

/**
 * The grant under which an authorization request continues. Every login has its own grant, so that ending it ends nothing else;
 * earlier consents, and the requests of a first-party client, are added without asking again.
 */
export function createLoadExistingGrant({
  apis,
  authorization,
  findUser,
  attributes,
  consents,
  clock,
  lifetime,
}: Pick<Stores, 'consents'> & {
  apis: Pick<ApiRegistry, 'find'>;
  authorization: Pick<Authorization, 'scopesFor'>;
  findUser(id: string): Promise<UserRecord | null>;
  attributes: Pick<Attributes, 'scopes'>;
  clock: Clock;
  /** Seconds that a grant lives: as long as the longest login under it may. */
  lifetime: number;
}) {
  /** Don't ask people to allow what their roles exclude: a later role would grant it unnoticed. */
  const narrow = async ({ oidc }: KoaContextWithOIDC, accountId: string): Promise<void> => {
    for (const [identifier, server] of Object.entries(oidc.resourceServers ?? {})) {
      const api = apis.find(identifier);
      if (!oidc.client || (api?.isOwn !== true && api?.enforceRoles !== true)) continue;
      const user = await findUser(accountId);
      if (user) server.scope = (await authorization.scopesFor(api, oidc.client, user)).join(' ');
    }
  };

  return async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { oidc } = ctx;
    const { client, session, provider } = oidc;
    if (!client || !session?.accountId) return undefined;
    const isFirstParty = (client as ExtraClientProperties).first_party === true;
    if (!isFirstParty) await narrow(ctx, session.accountId);
    const grantId = oidc.result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    const existing = grantId ? await provider.Grant.find(grantId) : undefined;
    const view = viewOf(session);
    const isOwn = existing?.accountId === session.accountId && viewOf(existing)?.id === view?.id;
    const known = isOwn ? existing : undefined;
    const remembered =
      known && !isFirstParty
        ? null
        : isFirstParty
          ? requested(ctx)
          : await consents.find(session.accountId, client.clientId);
    if (!known && !remembered) return undefined;

    const grant = known ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
    if (view) markView(grant, view);
    const before = JSON.stringify(grant);
    if (remembered) {
      // A scope of attributes may be gone since.
      const oidcScopes = attributes.scopes().filter((scope) => remembered.oidcScopes.includes(scope));
      allow(grant, { ...remembered, oidcScopes });
    }
    const now = epochSeconds(clock);
    const isAging = view === undefined && known?.exp !== undefined && known.exp - now < lifetime / 2;
    if (!known || isAging || JSON.stringify(grant) !== before) {
      if (isAging) grant.exp = now + lifetime;
      await grant.save();
    }
    return grant;
  };
}
