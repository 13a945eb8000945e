import { newPerson } from '../../../src/http/contracts/conformance.ts';
import type { Body } from './bodies.ts';
import type { Member } from './members.ts';

/** A valid body for each operation. */
export const GOOD: Record<string, Record<string, (member: Member) => Body>> = {
  keyed: {
    createUser: newPerson,
    updateUser: () => ({ email: newPerson().email }),
    login: ({ username, password }) => ({ username, password }),
    refresh: ({ refreshToken }) => ({ refresh_token: refreshToken }),
  },
  cookie: {
    register: () => ({ ...newPerson(), first_name: 'Test', last_name: 'User' }),
    token: ({ username, password }) => ({ username, password }),
    createApiKey: () => ({ name: 'key', permissions: ['profile:read'] }),
    enrolTotp: () => ({ name: 'phone' }),
    confirmTotp: () => ({ code: '123456' }),
  },
  flask: {
    createUser: newPerson,
    updateUser: () => ({ email: newPerson().email }),
    login: ({ email, password }) => ({ email, password }),
  },
  gateway: {
    register: newPerson,
    login: ({ username, password }) => ({ username, password }),
    refresh: ({ refreshToken }) => ({ refreshToken }),
    validate: ({ token }) => ({ token }),
    passwordReset: ({ email }) => ({ email }),
    passwordResetConfirm: () => ({ token: 'x', newPassword: newPerson().password }),
    changePassword: ({ password }) => ({ currentPassword: password, newPassword: newPerson().password }),
  },
  ppl: {
    register: () => ({ email: newPerson().email, password: newPerson().password, name: 'John Doe' }),
    login: ({ email, password }) => ({ email, password }),
    refresh: ({ refreshToken }) => ({ refresh_token: refreshToken }),
    updateMe: () => ({ name: 'Jane Doe' }),
    changePassword: ({ password }) => ({ current_password: password, new_password: newPerson().password }),
  },
};
