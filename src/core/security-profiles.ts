/** Security profiles for clients. Each includes the rules of the ones before it. */
export const PROFILES = ['oauth2.1', 'fapi2', 'fapi2-message-signing'] as const;

export type Profile = (typeof PROFILES)[number];

const rank = (profile: string | null | undefined): number => PROFILES.indexOf(profile as Profile);

/** Whether `profile` is at least as strict as `least`. */
export const holds = (profile: string | null | undefined, minimum: Profile): boolean =>
  rank(profile) >= rank(minimum);

/** The stricter of two; undefined when there is none. */
export const stricter = (
  one: string | null | undefined,
  other: string | null | undefined,
): Profile | undefined => PROFILES[Math.max(rank(one), rank(other))];
