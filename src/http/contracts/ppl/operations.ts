import {
  callingUser,
  changeOwnPassword,
  inOwnField,
  join,
  logIn,
  type Operation,
  operation,
  recentUser,
  secondsZ,
  type TokenSet,
  type User,
} from '../door.ts';
import * as schemas from './schemas.ts';

const NAME = 'ppl';
const SERVICE = { service: 'PPL Auth Service', version: '1.0.0' };

/** An account from a contract without names gets the one it has elsewhere. */
const present = (user: User) => ({
  id: user.id,
  email: user.email,
  name: user.name ?? user.username ?? user.email,
  created_at: secondsZ(user.createdAt),
});

const signedIn = (message: string, user: User, { accessToken, refreshToken }: TokenSet) => ({
  message,
  user: present(user),
  access_token: accessToken,
  refresh_token: refreshToken,
  token_type: 'bearer',
});

const register = operation({
  id: 'register',
  method: 'post',
  path: '/auth/register',
  summary: 'Register a new user',
  auth: 'none',
  limit: 'credentials',
  body: schemas.RegisterRequest,
  replies: { 201: schemas.RegisterResponse },
  // 401 for a role that requires a second factor, 403 while registration is closed.
  refusals: [400, 401, 403],
  async handle({ body, actor, signal, services }) {
    const { user, tokens } = await join(services, NAME, body, { actor, signal });
    return {
      status: 201,
      body: signedIn('User registered successfully', user, tokens),
      accountId: user.id,
    };
  },
});

const login = operation({
  id: 'login',
  method: 'post',
  path: '/auth/login',
  summary: 'Login existing user',
  auth: 'none',
  effect: 'login',
  limit: 'credentials',
  body: schemas.LoginRequest,
  replies: { 200: schemas.LoginResponse },
  refusals: [400, 401],
  async handle({ body, actor, signal, services }) {
    const { user, tokens } = await logIn(
      services,
      NAME,
      { email: body.email, password: body.password, otp: body.otp },
      { actor, signal },
    );
    return { status: 200, body: signedIn('Login successful', user, tokens), accountId: user.id };
  },
});

const refresh = operation({
  id: 'refresh',
  method: 'post',
  path: '/auth/refresh',
  summary: 'Refresh access token',
  auth: 'none',
  limit: 'credentials',
  body: schemas.RefreshRequest,
  replies: { 200: schemas.RefreshResponse },
  refusals: [400, 401],
  async handle({ body, actor, services }) {
    const { accessToken, accountId } = await services.tokens.refresh(NAME, body.refresh_token, actor);
    return { status: 200, body: { access_token: accessToken, token_type: 'bearer' }, accountId };
  },
});

const logout = operation({
  id: 'logout',
  method: 'post',
  path: '/auth/logout',
  summary: 'Logout user',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.message('Logout successful. Please delete your tokens.') },
  refusals: [401],
  async handle({ caller, actor, services }) {
    if (caller?.kind === 'user') await services.tokens.end(caller.claims, actor);
    return { status: 200, body: { message: 'Logout successful. Please delete your tokens.' } };
  },
});

const getMe = operation({
  id: 'getMe',
  method: 'get',
  path: '/users/me',
  summary: 'Get current user profile',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.UserResponse },
  refusals: [401],
  async handle({ caller, services }) {
    return { status: 200, body: present(await callingUser(services, caller)) };
  },
});

const updateMe = operation({
  id: 'updateMe',
  method: 'put',
  path: '/users/me',
  summary: 'Update current user profile',
  auth: 'bearer',
  limit: 'ordinary',
  body: schemas.UpdateUserRequest,
  replies: { 200: schemas.UserResponse },
  refusals: [400, 401],
  async handle({ caller, body, actor, services }) {
    const { id } = await (body.email === undefined ? callingUser : recentUser)(services, caller);
    return { status: 200, body: present(await services.accounts.update(id, body, actor)) };
  },
});

const changePassword = operation({
  id: 'changePassword',
  method: 'patch',
  path: '/users/me/password',
  summary: 'Change user password',
  auth: 'bearer',
  limit: 'credentials',
  body: schemas.ChangePasswordRequest,
  replies: { 200: schemas.message('Password updated successfully') },
  refusals: [400, 401],
  async handle({ caller, body, actor, signal, services }) {
    const { current_password: current, new_password: next } = body;
    await inOwnField('new_password', () =>
      changeOwnPassword(
        services,
        caller,
        { current, next, wrongCurrent: 'Incorrect password' },
        { actor, signal },
      ),
    );
    return { status: 200, body: { message: 'Password updated successfully' } };
  },
});

const deleteMe = operation({
  id: 'deleteMe',
  method: 'delete',
  path: '/users/me',
  summary: 'Delete user account',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.message('User deleted successfully') },
  // Keep the last administrator.
  refusals: [400, 401],
  async handle({ caller, actor, services }) {
    const { id } = await recentUser(services, caller);
    await services.accounts.remove(id, actor);
    return { status: 200, body: { message: 'User deleted successfully' } };
  },
});

const health = operation({
  id: 'health',
  method: 'get',
  path: '/health/health',
  summary: 'Basic health check',
  auth: 'none',
  limit: 'unlimited',
  replies: { 200: schemas.HealthResponse },
  refusals: [],
  handle: async () => ({ status: 200, body: { status: 'healthy', ...SERVICE } }),
});

const ready = operation({
  id: 'ready',
  method: 'get',
  path: '/health/ready',
  summary: 'Readiness check with database connectivity',
  auth: 'none',
  limit: 'unlimited',
  replies: { 200: schemas.ReadyResponse },
  refusals: [],
  async handle({ services }) {
    await Promise.all(Object.values(services.checks).map((check) => check()));
    return { status: 200, body: { status: 'ready', ...SERVICE, database: 'connected' } };
  },
});

export const operations: Operation[] = [
  register,
  login,
  refresh,
  logout,
  getMe,
  updateMe,
  changePassword,
  deleteMe,
  health,
  ready,
];
