import type { KoaContextWithOIDC } from 'oidc-provider';

/** Authentication context classes, from one factor to two that no other site can ask for. */
export const ACR_VALUES = ['urn:postern:acr:1fa', 'urn:postern:acr:2fa', 'urn:postern:acr:phr'] as const;

export type AcrValue = (typeof ACR_VALUES)[number];

type AcrClaim = { essential?: unknown; value?: unknown; values?: unknown } | null | undefined;

const valuesOf = (claim: AcrClaim): unknown[] => [
  ...(claim?.value === undefined ? [] : [claim.value]),
  ...(Array.isArray(claim?.values) ? (claim.values as unknown[]) : []),
];

const rank = (acr: unknown): number => ACR_VALUES.indexOf(acr as AcrValue);

/**
 * The weakest login that an authorization request is content with, of those that it names (`acr_values`, and the acr of
 * the `claims` request: OpenID Connect Core sections 3.1.2.1 and 5.5.1.1). Undefined when it names none of ours.
 */
export function requestedAcr({ oidc }: KoaContextWithOIDC): AcrValue | undefined {
  const claim = oidc.claims?.id_token?.['acr'] as AcrClaim;
  const listed = oidc.params?.['acr_values'];
  const named = [...(typeof listed === 'string' ? listed.split(' ') : []), ...valuesOf(claim)];
  const ranks = named.map(rank).filter((found) => found >= 0);
  return ranks.length === 0 ? undefined : ACR_VALUES[Math.min(...ranks)];
}

/** Whether a request insists on what no login here can be (OpenID Connect Core section 5.5.1.1). */
export function insistsOnUnknown({ oidc }: KoaContextWithOIDC): boolean {
  const claim = oidc.claims?.id_token?.['acr'] as AcrClaim;
  return (
    claim?.essential === true && valuesOf(claim).length > 0 && valuesOf(claim).every((acr) => rank(acr) < 0)
  );
}

/** Whether a login is at least as strong as asked for. */
export const satisfies = (acr: string | undefined, asked: AcrValue): boolean => rank(acr) >= rank(asked);
