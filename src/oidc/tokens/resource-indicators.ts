import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import { isPermission, type Permission } from '../../domain/operators/permissions.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Authorization } from './authorization-claims.ts';
import { type ApiRegistry, type KnownApi, resourceServerOf } from './apis.ts';
import type { Rights } from '../../domain/operators/rights.ts';
import { JWT_BEARER } from './grant-types.ts';
import { sourceOf } from './userinfo-tokens.ts';
import {
  apiScopes,
  applyDefaultScope,
  checkScopes,
  type Client,
  offeredScopes,
  ownApiScopes,
  shown,
} from './requested-scopes.ts';

/** The grants by which a client gets its own tokens. */
const OWN_GRANTS = new Set<unknown>(['client_credentials', JWT_BEARER]);

/** Not with an identity assertion, which is for that account. */
const isForItself = ({ oidc }: KoaContextWithOIDC) =>
  OWN_GRANTS.has(oidc.params?.['grant_type']) && oidc.entities.Account === undefined;

const named = ({ oidc }: KoaContextWithOIDC): unknown[] => [oidc.params?.['resource'] ?? []].flat();

/**
 * Resource indicators (RFC 8707) over the registry. A client may request the scopes in its own `scope` metadata. A client
 * without scopes of an API there may request any of them through a person's consent, and none for itself (client credentials,
 * JWT bearer). A request without a resource is for the API of its scopes.
 */
export function resourceIndicators({
  apis,
  rights,
  authorization,
  findUser,
  accessTokenTtl,
  clientCredentialsTtl,
}: {
  apis: ApiRegistry;
  /** The scopes that a service account's current roles allow at our own API. */
  rights: Pick<Rights, 'ofClient'>;
  /** The scopes that a person's roles allow. */
  authorization: Pick<Authorization, 'scopesFor'>;
  findUser(id: string): Promise<UserRecord | null>;
  /** Seconds. */
  accessTokenTtl: number;
  clientCredentialsTtl: number;
}) {
  /**
   * The one API that has all those of `scopes` that belong to any API: the client's default, if it has them, or our own for
   * management permissions.
   * @param scopesOf the scopes of a candidate API.
   * @returns undefined when no API has any of them.
   * @throws InvalidTarget when they belong to different APIs, or to several.
   */
  function apiOf(
    scopes: string[],
    client: Client,
    scopesOf: (api: KnownApi) => string[] = (api) => api.scopes,
  ): string | undefined {
    const offers = apis.open.map((api) => ({ identifier: api.identifier, offered: scopesOf(api) }));
    const known = scopes.filter((scope) => offers.some(({ offered }) => offered.includes(scope)));
    if (known.length === 0) return undefined;
    const candidates = offers
      .filter(({ offered }) => known.every((scope) => offered.includes(scope)))
      .map(({ identifier }) => identifier);
    const { default_resource: preferred } = client;
    if (preferred !== undefined && candidates.includes(preferred)) return preferred;
    if (candidates.includes(apis.builtIn) && known.every(isPermission)) return apis.builtIn;
    if (candidates.length === 1) return candidates[0];
    const whose = candidates.length === 0 ? 'different APIs' : 'more than one API';
    throw new errors.InvalidTarget(`the scopes ${shown(known)} belong to ${whose}: name the API in resource`);
  }

  /** A service account gets a JWT access token without using resources. */
  function ownResource(ctx: KoaContextWithOIDC, client: Client): string {
    const asked = apiScopes(ctx);
    if (asked.length > 0) return apiOf(asked, client) ?? client.default_resource ?? apis.builtIn;
    if (client.default_resource !== undefined) return client.default_resource;
    try {
      return apiOf(ownApiScopes(client), client) ?? apis.builtIn;
    } catch (error) {
      if (error instanceof errors.InvalidTarget) return apis.builtIn;
      throw error;
    }
  }

  /** The only API that an unregistered client can mean when it names nothing. */
  function onlyApiOf({ oidc }: KoaContextWithOIDC, { registration }: Client): string | undefined {
    if (registration === undefined || oidc.params?.['scope'] !== undefined) return undefined;
    const [api, ...others] = apis.dynamic;
    return others.length === 0 ? api?.identifier : undefined;
  }

  return {
    enabled: true,
    defaultResource(ctx: KoaContextWithOIDC, client: Client, oneOf?: string[] | string): string[] | string {
      if (oneOf !== undefined) return oneOf;
      if (isForItself(ctx)) return ownResource(ctx, client);
      const preferred = client.default_resource ?? onlyApiOf(ctx, client);
      const api = preferred === undefined ? undefined : apis.find(preferred);
      applyDefaultScope(ctx, client, api && [api]);
      const resource = apiOf(apiScopes(ctx), client, (one) => offeredScopes(one, client)) ?? preferred;
      if (resource === undefined) checkScopes(ctx, client, []);
      return resource ?? [];
    },
    // A login for one API yields tokens for it. With several, the token request must name one.
    useGrantedResource: (_ctx: unknown, { resource }: { resource?: unknown }) => typeof resource === 'string',
    async getResourceServerInfo(
      ctx: KoaContextWithOIDC,
      identifier: string,
      client: Client,
    ): Promise<ResourceServer> {
      const api = apis.find(identifier);
      if (!api) throw new errors.InvalidTarget('there is no API with this identifier');
      const ofClient = client.access_token_ttl;
      if (isForItself(ctx)) {
        const permissions = api.isOwn ? await rights.ofClient(client.clientId ?? '') : new Set<Permission>();
        const scopes = ownScopes(ctx, client, api, permissions);
        return resourceServerOf(api, scopes, ofClient ?? clientCredentialsTtl, ofClient);
      }
      const requested = named(ctx);
      if (identifier === requested[0]) {
        const all = requested.flatMap((one) => apis.find(String(one)) ?? []);
        applyDefaultScope(ctx, client, all);
        checkScopes(ctx, client, all);
      }
      const accountId = ctx.oidc.entities.Account?.accountId;
      const isDecided = accountId !== undefined && (api.isOwn === true || api.enforceRoles);
      const user = isDecided ? await findUser(accountId) : null;
      // The person is not known yet, so any may be requested; the token gets only those that the person has.
      const scopes = user ? await authorization.scopesFor(api, client, user) : offeredScopes(api, client);
      if (user) checkAnyLeft(ctx, client, api, scopes);
      return resourceServerOf(api, scopes, ofClient ?? accessTokenTtl, ofClient);
    },
  };
}

/**
 * Refuses a token that would allow nothing of the request.
 * @param scopes the API's scopes that the person's roles allow.
 * @throws InvalidScope when the roles leave nothing, and no login was requested either.
 */
function checkAnyLeft(ctx: KoaContextWithOIDC, client: Client, api: KnownApi, scopes: string[]): void {
  if (ctx.oidc.route !== 'token') return;
  const asked = ctx.oidc.requestParamScopes.size > 0 ? ctx.oidc.requestParamScopes : sourceOf(ctx)?.scopes;
  const wanted = offeredScopes(api, client).filter((scope) => asked?.has(scope));
  if (wanted.length === 0 || asked?.has('openid') || wanted.some((scope) => scopes.includes(scope))) return;
  throw new errors.InvalidScope('the roles of the person do not allow this', shown(wanted));
}

/**
 * The scopes that a client may get for itself at an API: all of them when the request names none. At our own API its
 * roles limit them; excluded scopes are dropped unless nothing is left.
 * @throws InvalidScope when it names another, or when nothing is left.
 */
function ownScopes(
  ctx: KoaContextWithOIDC,
  client: Client,
  api: KnownApi,
  permissions: ReadonlySet<Permission>,
): string[] {
  const { oidc } = ctx;
  const registered = ownApiScopes(client);
  const scopes = api.scopes.filter((scope) =>
    api.isOwn && isPermission(scope) ? permissions.has(scope) : registered.includes(scope),
  );
  const asked = [...oidc.requestParamScopes];
  const isLeftOut = (scope: string) =>
    api.isOwn === true && isPermission(scope) && asked.some((other) => scopes.includes(other));
  const refused = asked.filter((scope) => !scopes.includes(scope) && !isLeftOut(scope));
  if (refused.length > 0) throw new errors.InvalidScope('requested scope is not allowed', shown(refused));
  // The library accepts only one, and says so next.
  if (oidc.params && scopes.length > 0 && named(ctx).length === 1) oidc.params['scope'] ??= scopes.join(' ');
  return scopes;
}
