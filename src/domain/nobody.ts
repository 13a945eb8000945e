import { noClaims, type UserRecord } from '../storage/users.ts';

/** What the work is done for, and undone, when there is nobody to do it for. */
export const NOBODY: UserRecord = {
  ...noClaims,
  id: '00000000-0000-0000-0000-000000000000',
  number: 0,
  username: null,
  email: 'nobody@postern.invalid',
  emailVerifiedAt: null,
  ownerProvenAt: null,
  movedFrom: null,
  name: null,
  givenName: null,
  familyName: null,
  locale: null,
  status: 'active',
  roles: [],
  passwordHash: null,
  passwordChangedAt: null,
  lastLoginAt: null,
  securityVersion: 0,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};
