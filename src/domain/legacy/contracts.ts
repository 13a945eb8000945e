import type { AccountPlaces, LegacySourceSettings } from '../../config/index.ts';

type ContractName = Extract<LegacySourceSettings, { kind: 'contract' }>['contract'];

/** How to ask a service that speaks a contract for an account. */
interface ContractLogin {
  basePath: string;
  login: { path: string; body(identifier: string, password: string): object };
  /** Where the access token is in the reply. */
  token: string;
  /** Where to get the account with the access token; null when the login's reply contains it. */
  profile: string | null;
  /** Where its parts are in that reply. */
  account: AccountPlaces;
  /** Where to get it with an access token alone, if not as after a login. */
  byToken?: { path: string; account: AccountPlaces };
  /**
   * How to exchange a refresh token; null where there are none. The reply has the access token in the same place as a login's.
   */
  refresh: { path: string; send(token: string): { body?: object; headers?: Record<string, string> } } | null;
}

const username = (identifier: string, password: string) => ({ username: identifier, password });
const email = (identifier: string, password: string) => ({ email: identifier, password });

/** The logins of the contracts, as their documents define them. */
export const CONTRACT_LOGINS: Readonly<Record<ContractName, ContractLogin>> = {
  cookie: {
    basePath: '',
    login: { path: '/auth/token', body: username },
    token: 'access_token',
    profile: '/auth/me',
    account: {
      source_id: 'id',
      username: 'username',
      email: 'email',
      given_name: 'first_name',
      family_name: 'last_name',
      status: 'is_active',
    },
    refresh: {
      path: '/auth/token/refresh',
      send: (token) => ({ headers: { Cookie: `refresh_token=${token}` } }),
    },
  },
  flask: {
    basePath: '/api/v1',
    login: { path: '/auth/login', body: email },
    token: 'token',
    profile: '/users/{id}',
    account: { source_id: 'id', username: 'username', email: 'email' },
    refresh: null,
  },
  gateway: {
    basePath: '/api/v1/auth',
    login: { path: '/login', body: username },
    token: 'accessToken',
    profile: '/profile',
    account: {
      source_id: 'id',
      username: 'username',
      email: 'email',
      roles: 'role',
      created_at: 'createdAt',
      last_login_at: 'lastLoginAt',
      status: 'status',
    },
    refresh: { path: '/refresh', send: (refreshToken) => ({ body: { refreshToken } }) },
  },
  keyed: {
    basePath: '/api/v1',
    login: { path: '/auth/login', body: username },
    token: 'token',
    profile: '/users/{id}',
    account: { source_id: 'id', username: 'username', email: 'email', created_at: 'created_at' },
    refresh: { path: '/auth/refresh', send: (refresh_token) => ({ body: { refresh_token } }) },
  },
  ppl: {
    basePath: '/api/v1',
    login: { path: '/auth/login', body: email },
    token: 'access_token',
    profile: null,
    account: { source_id: 'user.id', email: 'user.email', name: 'user.name', created_at: 'user.created_at' },
    byToken: {
      path: '/users/me',
      account: { source_id: 'id', email: 'email', name: 'name', created_at: 'created_at' },
    },
    refresh: { path: '/auth/refresh', send: (refresh_token) => ({ body: { refresh_token } }) },
  },
};
