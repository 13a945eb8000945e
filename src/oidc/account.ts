import type { Account, FindAccount, KoaContextWithOIDC } from 'oidc-provider';
import type { StandardScope } from '../core/scopes.ts';
import type { Attributes } from '../domain/attributes/index.ts';
import { isEmailVerified } from '../domain/ownership/address.ts';
import { claimsOfScope, profileClaims } from '../domain/users/profile-fields.ts';
import { isPlaceholder, readEmailAddress } from '../core/email-address.ts';
import type { PostalAddress, UserRecord } from '../storage/users.ts';
import type { ExtraClientProperties } from './clients/names.ts';
import { actOfView } from './sessions/viewing.ts';
import { type AuthorizationClaimsOf, wantedClaims } from './clients/claim-mappings.ts';

/**
 * Standard scopes and the claims of each (OpenID Connect Core section 5.4). ID tokens always say how strong the login was, and
 * who acts for the person (RFC 8693 section 4.1).
 */
export const SCOPE_CLAIMS: Record<Exclude<StandardScope, 'offline_access'>, string[]> = {
  openid: ['sub', 'auth_time', 'acr', 'amr', 'act'],
  profile: [...claimsOfScope('profile'), 'preferred_username', 'updated_at'],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: [...claimsOfScope('phone'), 'phone_number_verified'],
  roles: ['roles'],
  groups: ['groups'],
  permissions: ['permissions'],
};

/** The claims of each scope, with those that attributes of accounts become. */
export function scopeClaims(attributes: Pick<Attributes, 'claimsByScope'>): Record<string, string[]> {
  const claims: Record<string, string[]> = { ...SCOPE_CLAIMS };
  for (const [scope, more] of Object.entries(attributes.claimsByScope()))
    claims[scope] = [...(claims[scope] ?? []), ...more];
  return claims;
}

/** An address as RFC 5322 defines it, which OpenID Connect Core section 5.1 requires of the claim: the domain in A-labels. */
const addrSpec = (email: string): string => readEmailAddress(email)?.ascii ?? email;

/** A postal address as written on an envelope (OpenID Connect Core section 5.1.1). */
const formatted = ({ street_address, postal_code, locality, region, country }: PostalAddress): string =>
  [street_address, [postal_code, locality].filter(Boolean).join(' '), region, country]
    .filter(Boolean)
    .join('\n');

/** The claims of an account, without those of roles and groups. Absent values are left out, never null. */
export function claimsOf(user: UserRecord, attributes: Pick<Attributes, 'claims'>): Record<string, unknown> {
  const email = isPlaceholder(user.email) ? null : addrSpec(user.email);
  const claims: Record<string, unknown> = {
    ...attributes.claims(user.attributes),
    sub: user.id,
    ...profileClaims(user),
    email_verified: email === null ? null : isEmailVerified(user),
    preferred_username: user.username ?? email,
    updated_at: Math.floor(user.updatedAt.getTime() / 1000),
    email,
    address: user.address && { formatted: formatted(user.address), ...user.address },
    phone_number_verified: user.phoneNumber && user.phoneNumberVerifiedAt !== null,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null));
}

/** The API that tokens of this request are for. */
function apiOf({ oidc }: KoaContextWithOIDC): string | undefined {
  const token = oidc.accessToken as { resourceServer?: { audience?: string }; api?: unknown } | undefined;
  const { default_resource: preferred } = (oidc.client ?? {}) as ExtraClientProperties;
  const named = token?.resourceServer?.audience ?? token?.api;
  return typeof named === 'string' ? named : preferred;
}

/**
 * The library's look-up of accounts. It finds no suspended or deleted account, and none that still has to set up a second
 * factor.
 */
export function createFindAccount(
  findById: (id: string) => Promise<UserRecord | null>,
  lacksFactor: (user: UserRecord) => Promise<boolean>,
  authorizationClaimsOf: AuthorizationClaimsOf,
  attributes: Pick<Attributes, 'claims'>,
): FindAccount {
  return async (ctx, sub) => {
    const user = await findById(sub);
    if (user?.status !== 'active' || (await lacksFactor(user))) return undefined;
    const account: Account = {
      accountId: user.id,
      async claims(_use, scope, named) {
        const { claim_mappings: mappings } = (ctx.oidc.client ?? {}) as ExtraClientProperties;
        const wanted = wantedClaims(new Set([...scope.split(' '), ...Object.keys(named)]), mappings);
        const told = wanted.length === 0 ? {} : await authorizationClaimsOf(user, wanted, apiOf(ctx));
        const act = actOfView(ctx.oidc.entities.Grant);
        return { ...claimsOf(user, attributes), ...told, ...(act && { act }) } as Awaited<
          ReturnType<Account['claims']>
        >;
      },
    };
    return account;
  };
}
