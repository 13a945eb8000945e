import type { Config } from '../../config/index.ts';
import type { Attributes } from '../../domain/attributes/index.ts';
import { isPermission } from '../../domain/operators/permissions.ts';
import type { Rights } from '../../domain/operators/rights.ts';
import type { UserRecord } from '../../storage/users.ts';
import { claimsOf } from '../account.ts';
import { mapped, wantedClaims } from '../clients/claim-mappings.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import type { LiveProvider } from '../live-provider.ts';
import { type ApiRegistry, type KnownApi, resourceServerOf } from './apis.ts';
import type { Authorization } from './authorization-claims.ts';
import { offeredScopes, ownApiScopes } from './requested-scopes.ts';

type Claims = Record<string, unknown>;

/** A preview of a token, never issued. `expires_in` is in seconds. */
export interface PreviewedToken {
  format: 'jwt' | 'opaque';
  expires_in: number;
  /** For an opaque one, its introspection. */
  claims: Claims;
}

export interface TokenPreview {
  id_token: Claims | null;
  userinfo: Claims | null;
  access_token: PreviewedToken | null;
  client_credentials: PreviewedToken | null;
}

export interface PreviewRequest {
  clientId: string;
  /** The account; without it only tokens that the client gets for itself. */
  accountId?: string | undefined;
  /** The requested scope; the client's registered one by default. */
  scope?: string | undefined;
  /** The API; by default the one that has the scopes. */
  resource?: string | undefined;
}

/** Previews a client's tokens with the code that builds real ones. A disabled client gets none. */
export type PreviewTokens = (request: PreviewRequest) => Promise<TokenPreview>;

const words = (scope = ''): string[] => scope.split(' ').filter(Boolean);
const NOTHING: TokenPreview = {
  id_token: null,
  userinfo: null,
  access_token: null,
  client_credentials: null,
};

export function createPreviewTokens({
  config: { publicUrl, tokens },
  live,
  apis,
  rights,
  authorization,
  attributes,
  findUser,
}: {
  config: Pick<Config, 'publicUrl' | 'tokens'>;
  live: Pick<LiveProvider, 'current'>;
  apis: ApiRegistry;
  rights: Pick<Rights, 'ofClient'>;
  authorization: Authorization;
  attributes: Pick<Attributes, 'claims' | 'scopes'>;
  findUser(id: string): Promise<UserRecord | null>;
}): PreviewTokens {
  type Client = NonNullable<Awaited<ReturnType<typeof live.current.Client.find>>> & ExtraClientProperties;

  const tokenFor = (api: KnownApi, client: Client, claims: Claims, ttl: number): PreviewedToken => ({
    format: api.accessTokenFormat,
    expires_in: resourceServerOf(api, [], client.access_token_ttl ?? ttl, client.access_token_ttl)
      .accessTokenTTL!,
    claims: { iss: publicUrl, aud: api.identifier, client_id: client.clientId, ...claims },
  });

  const apiWith = (scopes: readonly string[], client: Client, named: string | undefined) =>
    apis.find(named ?? client.default_resource ?? '') ??
    apis.open.find((api) => scopes.some((scope) => api.scopes.includes(scope)));

  async function ofPerson(
    client: Client,
    user: UserRecord,
    asked: string[],
    resource: string | undefined,
  ): Promise<Omit<TokenPreview, 'client_credentials'>> {
    const oidcScopes = attributes.scopes();
    const limit = client.scope === undefined ? oidcScopes : words(client.scope);
    const ofOidc = asked.filter((scope) => oidcScopes.includes(scope) && limit.includes(scope));
    const api = apiWith(
      asked.filter((scope) => !oidcScopes.includes(scope)),
      client,
      resource,
    );
    const wanted = wantedClaims(new Set(ofOidc), client.claim_mappings);
    const told = await authorization.claimsOf(user, wanted, api?.identifier ?? client.default_resource);
    const masked = async (scope: string): Promise<Claims> => {
      const { Claims: Mask } = live.current;
      const mask = new Mask({ ...claimsOf(user, attributes), ...told }, { client });
      mask.scope(scope);
      return mask.result();
    };
    const hasLogin = ofOidc.includes('openid');
    const minimal = client.id_token_claims === 'minimal';
    const { sub } = (await masked('openid')) as { sub: string };
    const allowed = api && (await authorization.scopesFor(api, client, user));
    const scopes = [
      ...(hasLogin || !api ? ofOidc : []),
      ...asked.filter((scope) => allowed?.includes(scope)),
    ];
    return {
      id_token: hasLogin
        ? {
            iss: publicUrl,
            aud: client.clientId,
            ...(await masked(minimal ? 'openid' : ofOidc.join(' '))),
          }
        : null,
      userinfo: hasLogin ? await masked(ofOidc.join(' ')) : null,
      access_token:
        api && scopes.length > 0
          ? tokenFor(
              api,
              client,
              { sub, scope: scopes.join(' '), ...mapped(told, client.claim_mappings) },
              tokens.accessToken,
            )
          : null,
    };
  }

  async function ofClient(
    client: Client,
    asked: string[] | undefined,
    resource: string | undefined,
  ): Promise<PreviewedToken | null> {
    if (!client.grantTypeAllowed('client_credentials')) return null;
    const registered = ownApiScopes(client);
    const held = await rights.ofClient(client.clientId);
    const api = apiWith(asked ?? registered, client, resource) ?? apis.find(apis.builtIn);
    const all = (api?.scopes ?? []).filter((scope) =>
      api?.isOwn && isPermission(scope) ? held.has(scope) : registered.includes(scope),
    );
    const scopes = asked ? all.filter((scope) => asked.includes(scope)) : all;
    const claims = { sub: client.clientId, ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}) };
    return api ? tokenFor(api, client, claims, tokens.clientCredentials) : null;
  }

  return async ({ clientId, accountId, scope, resource }) => {
    const client = await live.current.Client.find(clientId);
    if (!client) return NOTHING;
    const user = accountId === undefined ? null : await findUser(accountId);
    const asked = scope === undefined ? undefined : words(scope);
    const registered = ['openid', ...words(client.scope), ...offeredWithoutAsking(client)];
    return {
      ...NOTHING,
      ...(user?.status === 'active' &&
        (await ofPerson(client, user, asked ?? [...new Set(registered)], resource))),
      client_credentials: await ofClient(client, asked, resource),
    };
  };

  /** The scopes of APIs that a client requests by default. */
  function offeredWithoutAsking(client: Client): string[] {
    const named = ownApiScopes(client);
    const preferred = apis.find(client.default_resource ?? '');
    return named.length > 0 || !preferred ? named : offeredScopes(preferred, client);
  }
}
