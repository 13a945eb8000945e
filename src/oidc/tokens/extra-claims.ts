import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { rolesOf } from '../../domain/operators/rights.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { type AuthorizationClaimsOf, mapped, wantedClaims } from '../clients/claim-mappings.ts';
import { actOfView } from '../sessions/viewing.ts';
import { CONTRACT_CLIENT } from '../../core/contract-client.ts';

/** The login behind an access token (RFC 9068 section 2.2.1). `authTime` is in seconds since the epoch. */
export interface LoginBehind {
  authTime?: number | undefined;
  acr?: string | undefined;
  amr?: string[] | undefined;
}

type Token = {
  kind: string;
  grantId?: string;
  clientId?: string;
  accountId?: string;
  client?: ExtraClientProperties;
  /** For a token that ends with a grant of another client: that grant. */
  gid?: string;
  login?: LoginBehind;
  scope?: string;
  resourceServer?: { accessTokenFormat?: string; audience: string };
  /** The actor (RFC 8693 section 4.1). */
  act?: unknown;
  /** What it was derived from by exchange. */
  delegations?: readonly string[];
  /** For a token about a client other than its own: that client. */
  subject?: string;
};

/** The only party that may exchange tokens of this client (RFC 8693 section 4.4). */
export const mayActClaim = (client: ExtraClientProperties | undefined): { sub: string } | undefined =>
  client?.may_act === undefined ? undefined : { sub: client.may_act };

const present = (claims: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));

/**
 * What our access tokens contain beyond RFC 9068's required claims: the login behind them; `gid`, the grant that they end with;
 * who acts, and who may; the delegations behind them; roles, groups and permissions, where the client gets them; and for
 * contracts the account as they show it, so that checking a token needs no database.
 */
export function createExtraTokenClaims(
  findUser: (id: string) => Promise<UserRecord | null>,
  authorizationClaimsOf: AuthorizationClaimsOf,
): NonNullable<Configuration['extraTokenClaims']> {
  /** An opaque token shows them on introspection, with their values at that time. */
  async function authorizationClaims({ accountId, scope, client, resourceServer }: Token) {
    const wanted = wantedClaims(new Set(scope?.split(' ')), client?.claim_mappings);
    if (resourceServer?.accessTokenFormat !== 'jwt' || wanted.length === 0) return {};
    const user = await findUser(accountId ?? '');
    if (!user) return {};
    return mapped(await authorizationClaimsOf(user, wanted, resourceServer.audience), client?.claim_mappings);
  }
  return async (ctx: KoaContextWithOIDC | undefined, issued) => {
    const token = issued as unknown as Token;
    if (token.kind === 'ClientCredentials' && token.subject !== undefined)
      return { sub: token.subject, act: token.act };
    if (token.kind !== 'AccessToken') return undefined;
    const entities = ctx?.oidc.entities ?? {};
    const source =
      token.login ??
      entities['AuthorizationCode'] ??
      entities['RefreshToken'] ??
      entities['DeviceCode'] ??
      entities['BackchannelAuthenticationRequest'];
    // A token stored with its own grant keeps this besides, hidden from introspection.
    const gid = token.resourceServer?.accessTokenFormat === 'jwt' ? (token.grantId ?? token.gid) : token.gid;
    const claims = {
      gid,
      auth_time: source?.authTime,
      acr: source?.acr,
      amr: source?.amr,
      act: token.act ?? actOfView(entities['Grant']),
      may_act: mayActClaim(token.client),
      delegations: token.delegations?.length ? token.delegations : undefined,
    };
    if (!token.clientId?.startsWith(CONTRACT_CLIENT))
      return { ...(await authorizationClaims(token)), ...present(claims) };
    const user = await findUser(token.accountId ?? '');
    return present({
      ...claims,
      user_number: user?.number,
      username: user?.username ?? user?.email,
      roles: user && rolesOf(user),
    });
  };
}
