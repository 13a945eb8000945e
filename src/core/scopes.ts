/**
 * The scopes that always exist: those of OpenID Connect (Core sections 3.1.2.1, 5.4 and 11), and those for roles,
 * groups and permissions. Attributes of accounts may add others.
 */
export const STANDARD_SCOPES = [
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'roles',
  'groups',
  'permissions',
  'offline_access',
] as const;

export type StandardScope = (typeof STANDARD_SCOPES)[number];
