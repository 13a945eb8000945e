import {
  type ApiKey,
  type Authenticator as TotpRecord,
  microsecondsLocal,
  rolesOf,
  type User,
  usernameOf,
} from '../door.ts';
export const presentUser = (user: User) => ({
  id: user.number,
  username: usernameOf(user),
  email: user.email,
  first_name: user.givenName,
  last_name: user.familyName,
  is_active: user.status === 'active',
  is_superuser: rolesOf(user).includes('admin'),
});

const time = (at: Date | null) => at && microsecondsLocal(at);

export const presentKey = (key: ApiKey) => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  permissions: key.permissions,
  created_at: time(key.createdAt),
  expires_at: time(key.expiresAt),
  last_used_at: time(key.lastUsedAt),
});

export const presentAuthenticator = ({ id, name, createdAt, lastUsedAt }: TotpRecord) => ({
  id,
  name,
  created_at: time(createdAt),
  last_used_at: time(lastUsedAt),
});

export const tokenResponse = (accessToken: string) => ({
  access_token: accessToken,
  token_type: 'bearer',
  refresh_token: null,
});
