import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { isPermission } from '../../domain/operators/permissions.ts';
import type { ApiContent } from '../../storage/apis.ts';
import type { ExtraClientProperties } from '../clients/names.ts';

export type Client = ExtraClientProperties & {
  clientId?: string | undefined;
  scope?: string | undefined;
  clientAuthMethod?: string | undefined;
};

const words = (scope: string | undefined): string[] => scope?.split(' ').filter(Boolean) ?? [];

/** Maximum characters of scopes to repeat in messages. */
const MAX_SHOWN = 200;

/** Scopes as errors and the log show them. */
export const shown = (scopes: string[]): string => {
  const text = scopes.join(' ');
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
};

/** invalid_scope with its reason. */
const refusedScope = (reason: string) => new errors.CustomOIDCProviderError('invalid_scope', reason);

/** An API, and whether it is our own: its scopes include management permissions. */
export type OfferedApi = Pick<ApiContent, 'scopes' | 'dynamicClients' | 'defaultScopes'> & {
  isOwn?: boolean;
};

/**
 * The scopes of an API that a client may request from a person: those that its metadata names, or any when that names none. A
 * client that no operator registered may request those of open APIs besides, and no others. Management permissions must be
 * named, and need a client that nobody else can impersonate.
 */
export function offeredScopes(
  { scopes, isOwn, dynamicClients }: OfferedApi,
  { api_scope: limit, clientAuthMethod, registration }: Client,
): string[] {
  if (registration !== undefined && dynamicClients) return scopes;
  const named = limit === undefined && registration === undefined ? null : words(limit);
  const isManagement = (scope: string) => isOwn === true && isPermission(scope);
  return scopes.filter((scope) =>
    isManagement(scope)
      ? clientAuthMethod !== 'none' && (named?.includes(scope) ?? false)
      : (named?.includes(scope) ?? true),
  );
}

/** The scopes of APIs in a request. */
export const apiScopes = ({ oidc }: KoaContextWithOIDC): string[] => {
  const ofProvider = oidc.requestParamOIDCScopes;
  return [...oidc.requestParamScopes].filter((scope) => !ofProvider.has(scope));
};

/** The scopes of APIs that a client is registered with. */
export const ownApiScopes = ({ api_scope: scope }: ExtraClientProperties): string[] => words(scope);

/** Where a person is asked first: later steps of the same request find its scope complete. */
const REQUESTS = new Set([
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
  'backchannel_authentication',
]);

/**
 * Gives a request without `scope` the one that its client registered, or else that of its APIs (RFC 6749 section 3.3).
 * `offline_access` must always be requested.
 * @param apis undefined when the request is for none in particular.
 * @throws InvalidScope when there is neither.
 */
export function applyDefaultScope(ctx: KoaContextWithOIDC, client: Client, apis?: OfferedApi[]): void {
  const { params, route } = ctx.oidc;
  if (!params || params['scope'] !== undefined || !REQUESTS.has(route)) return;
  const ofApis = apis?.flatMap((api) => offeredScopes(api, client));
  const named = [
    ...words(client.scope).filter((scope) => scope !== 'offline_access'),
    ...ownApiScopes(client).filter((scope) => ofApis?.includes(scope) ?? true),
  ];
  const byDefault =
    apis?.flatMap((api) =>
      offeredScopes(api, client).filter((scope) => api.defaultScopes?.includes(scope) ?? true),
    ) ?? [];
  // For a client that no operator registered, its scopes are what it may request, not what it wants; and `openid`, to learn
  // who somebody is, is not access to an API.
  const isOwnWish = client.registration === undefined || (!apis && named.some((scope) => scope !== 'openid'));
  const scopes = isOwnWish && named.length > 0 ? named : byDefault;
  if (scopes.length === 0)
    throw refusedScope('scope is missing, and this client has no default (its metadata scope)');
  params['scope'] = [...new Set(scopes)].join(' ');
}

/**
 * Finds scopes of APIs that cannot be granted: those that none of `apis` has, or that the client may not request. They are
 * ignored (RFC 6749 section 3.3): the reply's `scope` does not name them, and the event `scope.ignored` reports them.
 * @throws InvalidScope when nothing else is requested.
 */
export function checkScopes(ctx: KoaContextWithOIDC, client: Client, apis: OfferedApi[]): void {
  if (!REQUESTS.has(ctx.oidc.route)) return;
  const allowed = new Set(apis.flatMap((api) => offeredScopes(api, client)));
  const ignored = apiScopes(ctx).filter((scope) => !allowed.has(scope));
  if (ignored.length === 0) return;
  if (ignored.length === ctx.oidc.requestParamScopes.size)
    throw refusedScope(`no API has ${shown(ignored)}, or this client may not request it`);
  ctx.oidc.provider.emit('scope.ignored', ctx, shown(ignored));
}
