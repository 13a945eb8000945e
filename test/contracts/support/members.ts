/** What members do at a contract, defined once for all contracts. */
import { type Answer, newPerson, type Visitor } from '../../../src/http/contracts/conformance.ts';

/** An account with a login. */
export interface Member {
  username: string;
  email: string;
  password: string;
  /** Access token. */
  token: string;
  /** Empty at a contract without refresh tokens. */
  refreshToken: string;
  /** The path parameters that name the account. */
  params: Record<string, string>;
}

interface Flows {
  /** Creates an account and logs in. */
  join(visitor: Visitor): Promise<Member>;
  /** Logs in again and expects the status. */
  login(
    visitor: Visitor,
    who: Pick<Member, 'username' | 'email' | 'password'>,
    status: number,
  ): Promise<Answer>;
  /** The field of the access token in a reply to a login or refresh. */
  tokenIn: string;
  /** Uses a Bearer token. Missing where nothing needs one. */
  use?(visitor: Visitor, token: string, status: number): Promise<Answer>;
  refresh?(visitor: Visitor, refreshToken: string, status: number): Promise<Answer>;
  /** The new refresh token in a reply, at a contract that rotates. */
  successor?(answer: Answer): string;
  logout?(visitor: Visitor, member: Member): Promise<Answer>;
  changePassword?(visitor: Visitor, member: Member, password: string): Promise<Answer>;
  remove?(visitor: Visitor, member: Member): Promise<Answer>;
}

const CREATED = { status: 201 };
const OK = { status: 200 };

/** The value of the refresh cookie set by a reply. */
export function refreshCookie({ headers }: Answer): string {
  const set = headers.getSetCookie().find((cookie) => cookie.startsWith('refresh_token='));
  return /^refresh_token=([^;]*)/.exec(set ?? '')?.[1] ?? '';
}

const member = (person: ReturnType<typeof newPerson>, login: Answer, tokenIn: string): Member => ({
  ...person,
  token: login.text(tokenIn),
  refreshToken: '',
  params: {},
});

export type Name = 'keyed' | 'cookie' | 'flask' | 'gateway' | 'ppl';
export const names: Name[] = ['keyed', 'cookie', 'flask', 'gateway', 'ppl'];

export const flows: Record<Name, Flows> = {
  keyed: {
    tokenIn: 'token',
    login: ({ call }, { username, password }, status) =>
      call('login', { body: { username, password } }, { status }),
    async join(visitor) {
      const person = newPerson();
      const created = await visitor.call('createUser', { body: person }, CREATED);
      const login = await flows.keyed.login(visitor, person, 200);
      const params = { user_id: created.text('id') };
      return { ...member(person, login, 'token'), params, refreshToken: login.text('refresh_token') };
    },
    refresh: ({ call }, refresh_token, status) => call('refresh', { body: { refresh_token } }, { status }),
    changePassword: ({ call }, { params }, password) =>
      call('updateUser', { params, body: { password } }, OK),
    remove: ({ call }, { params }) => call('deleteUser', { params }, { status: 204 }),
  },
  cookie: {
    tokenIn: 'access_token',
    login: ({ call }, { username, password }, status) =>
      call('token', { body: { username, password } }, { status }),
    async join(visitor) {
      const person = newPerson();
      await visitor.call('register', { body: person }, CREATED);
      const login = await flows.cookie.login(visitor, person, 200);
      return { ...member(person, login, 'access_token'), refreshToken: refreshCookie(login) };
    },
    use: ({ call }, bearer, status) => call('me', { bearer }, { status }),
    refresh: ({ call }, token, status) =>
      call('refresh', { headers: { Cookie: `refresh_token=${token}` } }, { status }),
    successor: refreshCookie,
    logout: ({ call }, { token, refreshToken }) =>
      call('logout', { bearer: token, headers: { Cookie: `refresh_token=${refreshToken}` } }, OK),
  },
  flask: {
    tokenIn: 'token',
    login: ({ call }, { email, password }, status) =>
      call('login', { body: { email, password } }, { status }),
    async join(visitor) {
      const person = newPerson();
      const created = await visitor.call('createUser', { body: person }, CREATED);
      const login = await flows.flask.login(visitor, person, 200);
      return { ...member(person, login, 'token'), params: { user_id: String(created.value('id')) } };
    },
    // A number that nobody has: with a valid token the answer is 404.
    use: ({ call }, bearer, status) =>
      call('getUser', { bearer, params: { user_id: '0' } }, { status: status === 200 ? 404 : status }),
    logout: ({ call }, { token }) => call('logout', { bearer: token }, OK),
    changePassword: ({ call }, { token, params }, password) =>
      call('updateUser', { bearer: token, params, body: { password } }, OK),
    remove: ({ call }, { token, params }) => call('deleteUser', { bearer: token, params }, { status: 204 }),
  },
  gateway: {
    tokenIn: 'accessToken',
    login: ({ call }, { username, password }, status) =>
      call('login', { body: { username, password } }, { status }),
    async join({ call }) {
      const person = newPerson();
      const login = await call('register', { body: person }, CREATED);
      return { ...member(person, login, 'accessToken'), refreshToken: login.text('refreshToken') };
    },
    use: ({ call }, bearer, status) => call('profile', { bearer }, { status }),
    refresh: ({ call }, refreshToken, status) => call('refresh', { body: { refreshToken } }, { status }),
    successor: (answer) => answer.text('refreshToken'),
    logout: ({ call }, { token }) => call('logout', { bearer: token }, OK),
    changePassword: ({ call }, { token, password: currentPassword }, newPassword) =>
      call('changePassword', { bearer: token, body: { currentPassword, newPassword } }, OK),
  },
  ppl: {
    tokenIn: 'access_token',
    login: ({ call }, { email, password }, status) =>
      call('login', { body: { email, password } }, { status }),
    async join({ call }) {
      const { username: name, ...person } = newPerson();
      const login = await call('register', { body: { ...person, name } }, CREATED);
      const refreshToken = login.text('refresh_token');
      return { ...member({ ...person, username: name }, login, 'access_token'), refreshToken };
    },
    use: ({ call }, bearer, status) => call('getMe', { bearer }, { status }),
    refresh: ({ call }, refresh_token, status) => call('refresh', { body: { refresh_token } }, { status }),
    logout: ({ call }, { token }) => call('logout', { bearer: token }, OK),
    changePassword: ({ call }, { token, password: current_password }, new_password) =>
      call('changePassword', { bearer: token, body: { current_password, new_password } }, OK),
    remove: ({ call }, { token }) => call('deleteMe', { bearer: token }, OK),
  },
};
