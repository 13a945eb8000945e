import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { ApiRecord } from '../../storage/apis.ts';
import { OIDC_SCOPES } from '../account.ts';
import type { ExtraClientProperties } from '../clients/metadata.ts';

export type Client = ExtraClientProperties & { scope?: string };

const words = (scope: string | undefined): string[] => scope?.split(' ').filter(Boolean) ?? [];

/** Characters of a request's scopes that are said again. */
const MAX_SHOWN = 200;

/** Scopes as errors and the log say them. */
export const shown = (scopes: string[]): string => {
  const text = scopes.join(' ');
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
};

/** invalid_scope that says why. */
const refusedScope = (reason: string) => new errors.CustomOIDCProviderError('invalid_scope', reason);

const isOfApi = (scope: string): boolean => !OIDC_SCOPES.includes(scope);

/** Whether a client may ask for a scope of an API: those that its metadata names, or any when that names none. */
export const mayAskFor = ({ api_scope: limit }: ExtraClientProperties, scope: string): boolean =>
  limit === undefined || words(limit).includes(scope);

/** The scopes of APIs that a request asks for. */
export const apiScopes = ({ oidc }: KoaContextWithOIDC): string[] =>
  [...oidc.requestParamScopes].filter(isOfApi);

/** The scopes of APIs that a client is registered with. */
export const ownApiScopes = ({ api_scope: scope }: ExtraClientProperties): string[] => words(scope);

/** Where a person is asked for something: later steps of the same request find its scope complete. */
const REQUESTS = new Set([
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
  'backchannel_authentication',
]);

/**
 * Gives a request without `scope` the one that its client registered, or else that of the APIs that it is for (RFC 6749
 * section 3.3). `offline_access` always has to be asked for.
 * @param apis undefined when the request is for none in particular.
 * @throws InvalidScope when there is neither.
 */
export function applyDefaultScope(ctx: KoaContextWithOIDC, client: Client, apis?: ApiRecord[]): void {
  const { params, route } = ctx.oidc;
  if (!params || params['scope'] !== undefined || !REQUESTS.has(route)) return;
  const ofApis = apis?.flatMap(({ scopes }) => scopes);
  const registered = [...words(client.scope), ...ownApiScopes(client)].filter(
    (scope) => scope !== 'offline_access' && (!isOfApi(scope) || (ofApis?.includes(scope) ?? true)),
  );
  const scopes = registered.length > 0 ? registered : (ofApis ?? []);
  if (scopes.length === 0)
    throw refusedScope('scope is missing, and this client has no default (its metadata scope)');
  params['scope'] = [...new Set(scopes)].join(' ');
}

/**
 * Looks for scopes of APIs that cannot be given: those that none of `apis` has, or that the client may not ask for. They
 * are ignored (RFC 6749 section 3.3): the reply's `scope` does not name them, and the event `scope.ignored` tells.
 * @throws InvalidScope when nothing else is asked for.
 */
export function checkScopes(ctx: KoaContextWithOIDC, client: Client, apis: ApiRecord[]): void {
  if (!REQUESTS.has(ctx.oidc.route)) return;
  const allowed = new Set(apis.flatMap(({ scopes }) => scopes.filter((scope) => mayAskFor(client, scope))));
  const ignored = apiScopes(ctx).filter((scope) => !allowed.has(scope));
  if (ignored.length === 0) return;
  if (ignored.length === ctx.oidc.requestParamScopes.size)
    throw refusedScope(`no API has ${shown(ignored)}, or this client may not ask for it`);
  ctx.oidc.provider.emit('scope.ignored', ctx, shown(ignored));
}
