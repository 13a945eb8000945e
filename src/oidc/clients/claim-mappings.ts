import { z } from 'zod';
import { PERSON_CLAIMS, TOKEN_CLAIMS } from '../../core/claims.ts';
import type { UserRecord } from '../../storage/users.ts';

/** Claims for decisions of apps, each granted by a scope of the same name. */
export const AUTHORIZATION_CLAIMS = ['roles', 'groups', 'permissions'] as const;

export type AuthorizationClaim = (typeof AUTHORIZATION_CLAIMS)[number];

/** Also those that only introspection and the tokens of contracts have (RFC 7662 section 2.2). */
const TAKEN_CLAIMS: ReadonlySet<string> = new Set([
  ...TOKEN_CLAIMS,
  ...PERSON_CLAIMS,
  'active',
  'token_type',
  'username',
  'user_number',
]);

const name = z
  .string()
  .regex(/^[\w:./-]{1,200}$/)
  .refine((value) => !TAKEN_CLAIMS.has(value));
const value = z.string().min(1).max(200);

const mapping = z.strictObject({
  /** The claim's name. */
  name: name.optional(),
  /** Whether the client's tokens have the claim whatever their scope. */
  always: z.boolean().optional(),
  /** Other names for its values; the rest stay as they are. */
  values: z.record(value, value).optional(),
});

/** How a client gets `roles`, `groups` and `permissions`: its metadata `claim_mappings`. */
export const claimMappings = z.strictObject({
  roles: mapping.optional(),
  groups: mapping.optional(),
  permissions: mapping.optional(),
});

export type ClaimMappings = z.infer<typeof claimMappings>;

export const CLAIM_MAPPINGS_FORM =
  'must be like {"groups":{"name":"groups","always":true,"values":{"Platform team":"platform"}}}, for roles, groups and permissions; a name must not be that of another claim';

/** Claims by their own names. */
export type AuthorizationClaimValues = Partial<Record<AuthorizationClaim, string[]>>;

/** @param api the token's API: `permissions` are its scopes that the person's roles allow; none without an API. */
export type AuthorizationClaimsOf = (
  user: UserRecord,
  wanted: readonly AuthorizationClaim[],
  api?: string,
) => Promise<AuthorizationClaimValues>;

/** The claims that a client gets with these scopes, or always. */
export const wantedClaims = (
  scopes: ReadonlySet<string>,
  mappings: ClaimMappings = {},
): AuthorizationClaim[] =>
  AUTHORIZATION_CLAIMS.filter((claim) => scopes.has(claim) || mappings[claim]?.always === true);

/** Claims as a client wants them: with its names and its values. Two with one name are merged. */
export function mapped(
  claims: AuthorizationClaimValues,
  mappings: ClaimMappings = {},
): Record<string, string[]> {
  const all = new Map<string, Set<string>>();
  for (const claim of AUTHORIZATION_CLAIMS) {
    const values = claims[claim];
    if (values === undefined) continue;
    const { name: called = claim, values: renamed = {} } = mappings[claim] ?? {};
    const merged = all.get(called) ?? new Set();
    for (const one of values) merged.add(Object.hasOwn(renamed, one) ? renamed[one]! : one);
    all.set(called, merged);
  }
  return Object.fromEntries([...all].map(([called, values]) => [called, [...values]]));
}
