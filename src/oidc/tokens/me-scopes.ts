/** The scopes of `/api/v2/me`: what an app may do with its user's account, and their descriptions. */
export const ME_SCOPES = {
  'me:profile:read': 'See the profile, the email address and the roles',
  'me:profile:write': 'Change names, username, language and other profile fields',
  'me:security:read': 'See authenticator apps, passkeys and how many recovery codes are left',
  'me:security:write': 'Change email address, password, authenticator apps, passkeys and recovery codes',
  'me:sessions:read': 'See where the account is signed in',
  'me:sessions:write': 'Sign the account out of browsers',
  'me:apps:read': 'See the apps that may act for the account',
  'me:apps:write': 'Disconnect apps',
  'me:events:read': 'See what happened to the account',
  'me:data:read': 'Export all data of the account',
  'me:delete': 'Delete the account',
} as const;

export type MeScope = keyof typeof ME_SCOPES;
