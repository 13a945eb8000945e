import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Attributes } from '../../domain/attributes/index.ts';
import type { UserRecord } from '../../storage/users.ts';
import { mapped, wantedClaims } from '../clients/claim-mappings.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import type { AccessTokenVerifier } from './access-token-verifier.ts';
import type { ApiRegistry } from './apis.ts';
import type { Authorization } from './authorization-claims.ts';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;

interface Token {
  clientId?: string | undefined;
  aud?: unknown;
}

/**
 * Whether a client may introspect an access token (RFC 7662 section 2.1): its own, and as an API's own client (`apis`) those for
 * that API.
 */
export function mayLearnOf(client: Client, { clientId, aud }: Token): boolean {
  if (clientId === client.clientId) return true;
  const { apis = [] } = client as ExtraClientProperties;
  return [aud].flat().some((audience) => apis.some((api) => api === audience));
}

export interface PresentDependencies {
  authorization: Authorization;
  apis: Pick<ApiRegistry, 'find'>;
  attributes: Pick<Attributes, 'scopes'>;
  findUser(id: string): Promise<UserRecord | null>;
}

/**
 * Applies a person's current roles and groups to a token: the remaining scopes, and the claims for its client.
 */
export async function presentState(
  client: Client,
  { accountId, aud, scope = '' }: { accountId: string | undefined; aud: unknown; scope?: string | undefined },
  { authorization, apis, attributes, findUser }: PresentDependencies,
): Promise<{ scope: string | undefined; claims: Record<string, string[]> }> {
  const { claim_mappings: mappings } = client as ExtraClientProperties;
  const api = typeof aud === 'string' ? apis.find(aud) : undefined;
  const isDecided = api !== undefined && (api.isOwn === true || api.enforceRoles);
  const wanted = wantedClaims(new Set(scope.split(' ')), mappings);
  const user = accountId !== undefined && (isDecided || wanted.length > 0) ? await findUser(accountId) : null;
  if (!user) return { scope: scope || undefined, claims: {} };
  const allowed = isDecided ? await authorization.scopesFor(api, client, user) : null;
  const left = scope
    .split(' ')
    .filter((one) => allowed?.includes(one) !== false || attributes.scopes().includes(one));
  return {
    scope: left.join(' ') || undefined,
    claims: mapped(await authorization.claimsOf(user, wanted, api?.identifier), mappings),
  };
}

/**
 * Decides who may introspect which of the library's tokens: a refresh token only its own client. A token of a deleted client is
 * inactive. An access token is shown in its current state.
 */
export const createIntrospectionPolicy =
  (deps: PresentDependencies & { verifier: Pick<AccessTokenVerifier, 'hasEnded'> }) =>
  async (
    { oidc }: KoaContextWithOIDC,
    client: Client,
    token: Token & {
      kind?: string;
      accountId?: string;
      jti?: string;
      scope?: string | undefined;
      extra?: { sub?: string; act?: unknown; delegations?: string[] } | undefined;
    },
  ): Promise<boolean> => {
    const isVisible =
      token.kind === 'RefreshToken' ? token.clientId === client.clientId : mayLearnOf(client, token);
    const owner = isVisible ? await oidc.provider.Client.find(token.clientId ?? '') : undefined;
    if (!owner) return false;
    const { extra = {}, jti = '', clientId = '' } = token;
    if (extra.act !== undefined || extra.delegations !== undefined) {
      const subject = token.accountId === undefined ? extra.sub : undefined;
      if (subject !== undefined && !(await oidc.provider.Client.find(subject))) return false;
      const claims = { ...extra, jti, client_id: clientId, sub: subject ?? clientId };
      if (await deps.verifier.hasEnded(claims)) return false;
    }
    if (token.kind === 'AccessToken') {
      const { accountId, aud } = token;
      const { scope, claims } = await presentState(owner, { accountId, aud, scope: token.scope }, deps);
      // The library writes its reply from these; the token is not stored again.
      Object.assign(token, {
        scope,
        extra: { ...token.extra, ...claims, gid: undefined, delegations: undefined },
      });
    }
    return true;
  };
