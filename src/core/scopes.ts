/**
 * The scopes of OpenID Connect that are always there (OpenID Connect Core sections 3.1.2.1, 5.4 and 11), with those of
 * roles, groups and permissions. Attributes of accounts may have others of their own.
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
