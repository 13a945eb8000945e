import {
  type Caller,
  callingUser,
  type ContractServices,
  DomainError,
  logIn,
  type Operation,
  operation,
  recentUser,
  refuseOperator,
  rolesOf,
  type User,
  usernameOf,
} from '../door.ts';
import * as schemas from './schemas.ts';

const NAME = 'flask';

const present = (user: User) => ({ id: user.number, username: usernameOf(user), email: user.email });

/** The account in the path, if the caller may access it: their own, or any for an administrator. */
async function permitted(services: ContractServices, caller: Caller | null, id = ''): Promise<User> {
  const self = await callingUser(services, caller);
  const user = /^[1-9]\d{0,9}$/.test(id) ? await services.accounts.findByNumber(Number(id)) : null;
  if (!user) throw new DomainError('user_not_found');
  if (user.id === self.id) return user;
  if (!rolesOf(self).includes('admin')) throw new DomainError('forbidden');
  await refuseOperator(services, user.id);
  return user;
}

const createUser = operation({
  id: 'createUser',
  method: 'post',
  path: '/users',
  summary: 'Create a new user.',
  auth: 'none',
  limit: 'credentials',
  body: schemas.CreateUserRequest,
  replies: { 201: schemas.UserResponse },
  // 403 while registration is closed.
  refusals: [400, 403],
  async handle({ body, actor, signal, services }) {
    const user = await services.accounts.register(body, actor, signal);
    return { status: 201, body: present(user), accountId: user.id };
  },
});

const getUser = operation({
  id: 'getUser',
  method: 'get',
  path: '/users/{user_id}',
  summary: 'Retrieve details of a specific user.',
  auth: 'bearer',
  limit: 'ordinary',
  params: schemas.userId,
  replies: { 200: schemas.UserResponse },
  refusals: [401, 403, 404],
  async handle({ params, caller, services }) {
    return { status: 200, body: present(await permitted(services, caller, params['user_id'])) };
  },
});

const updateUser = operation({
  id: 'updateUser',
  method: 'put',
  path: '/users/{user_id}',
  summary: "Update the user's information.",
  auth: 'bearer',
  limit: 'credentials',
  params: schemas.userId,
  body: schemas.UpdateUserRequest,
  replies: { 200: schemas.UserResponse },
  refusals: [400, 401, 403, 404],
  async handle({ params, caller, body, actor, services }) {
    if (body.email !== undefined || body.password !== undefined) await recentUser(services, caller);
    const { id } = await permitted(services, caller, params['user_id']);
    return { status: 200, body: present(await services.accounts.update(id, body, actor)) };
  },
});

const deleteUser = operation({
  id: 'deleteUser',
  method: 'delete',
  path: '/users/{user_id}',
  summary: 'Delete a specific user.',
  auth: 'bearer',
  limit: 'ordinary',
  params: schemas.userId,
  replies: { 204: null },
  refusals: [401, 403, 404],
  async handle({ params, caller, actor, services }) {
    await recentUser(services, caller);
    const { id } = await permitted(services, caller, params['user_id']);
    await services.accounts.remove(id, actor);
    return { status: 204 };
  },
});

const login = operation({
  id: 'login',
  method: 'post',
  path: '/auth/login',
  summary: 'Log in a user and retrieve an authentication token.',
  auth: 'none',
  effect: 'login',
  limit: 'credentials',
  body: schemas.LoginRequest,
  replies: { 200: schemas.LoginResponse },
  refusals: [400, 401],
  async handle({ body, actor, signal, services }) {
    const { tokens } = await logIn(
      services,
      NAME,
      { email: body.email, password: body.password, otp: body.otp },
      { actor, signal },
    );
    return { status: 200, body: { token: tokens.accessToken }, accountId: tokens.accountId };
  },
});

const logout = operation({
  id: 'logout',
  method: 'post',
  path: '/auth/logout',
  summary: 'Log out the current user (invalidate the token).',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.LogoutResponse },
  refusals: [401],
  async handle({ caller, actor, services }) {
    if (caller?.kind === 'user') await services.tokens.end(caller.claims, actor);
    return { status: 200, body: { message: 'Logout successful' } };
  },
});

export const operations: Operation[] = [createUser, getUser, updateUser, deleteUser, login, logout];
