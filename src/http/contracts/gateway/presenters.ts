import { rolesOf, secondsLocal, type TokenSet, type User, usernameOf } from '../door.ts';
const isAdmin = (roles: string[]) => roles.includes('admin');

export const tokenRole = (roles: string[]): 'ROLE_ADMIN' | 'ROLE_USER' =>
  isAdmin(roles) ? 'ROLE_ADMIN' : 'ROLE_USER';

export const authResponse = (user: User, { accessToken, refreshToken, expiresAt }: TokenSet) => ({
  accessToken,
  refreshToken,
  tokenType: 'Bearer',
  expiresAt: secondsLocal(expiresAt),
  userId: user.number,
  username: usernameOf(user),
  role: tokenRole(rolesOf(user)),
});

export const profile = (user: User) => ({
  id: user.number,
  username: usernameOf(user),
  email: user.email,
  role: isAdmin(rolesOf(user)) ? 'ADMIN' : 'USER',
  createdAt: secondsLocal(user.createdAt),
  // Registration logs in as well.
  lastLoginAt: secondsLocal(user.lastLoginAt ?? user.createdAt),
  status: user.status === 'active' ? 'ACTIVE' : 'SUSPENDED',
});

export const done = (message: string) => ({ success: true, message, data: null });

export const invalid = (hasExpired: boolean) => ({
  valid: false,
  userId: null,
  username: null,
  role: null,
  expirationTime: null,
  errorMessage: hasExpired ? 'Token has expired' : 'Invalid token',
});
