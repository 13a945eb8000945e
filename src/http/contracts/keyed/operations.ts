import {
  type ContractServices,
  DomainError,
  isDomainError,
  logIn,
  type Operation,
  operation,
  refuseOperator,
  secondsZ,
  type User,
  usernameOf,
} from '../door.ts';
import * as schemas from './schemas.ts';

const NAME = 'keyed';

const present = (user: User) => ({
  id: user.id,
  username: usernameOf(user),
  email: user.email,
  created_at: secondsZ(user.createdAt),
});

async function find({ accounts }: ContractServices, id: string | undefined): Promise<User> {
  const user = await accounts.find(id ?? '');
  if (!user) throw new DomainError('user_not_found');
  return user;
}

const createUser = operation({
  id: 'createUser',
  method: 'post',
  path: '/users',
  summary: 'Creates a new user account.',
  auth: 'apiKey',
  permission: 'users:write',
  limit: 'program',
  body: schemas.CreateUserRequest,
  replies: { 201: schemas.UserResponse },
  refusals: [400, 401, 403, 409],
  async handle({ body, actor, services }) {
    return { status: 201, body: present(await services.accounts.create(body, actor)) };
  },
});

const getUser = operation({
  id: 'getUser',
  method: 'get',
  path: '/users/{user_id}',
  summary: 'Retrieves a user by their ID.',
  auth: 'apiKey',
  permission: 'users:read',
  limit: 'program',
  params: schemas.userId,
  replies: { 200: schemas.UserResponse },
  refusals: [401, 403, 404],
  async handle({ params, services }) {
    return { status: 200, body: present(await find(services, params['user_id'])) };
  },
});

const updateUser = operation({
  id: 'updateUser',
  method: 'put',
  path: '/users/{user_id}',
  summary: "Updates an existing user's information.",
  auth: 'apiKey',
  permission: 'users:write',
  limit: 'program',
  params: schemas.userId,
  body: schemas.UpdateUserRequest,
  replies: { 200: schemas.UserResponse },
  refusals: [400, 401, 403, 404],
  async handle({ params, body, actor, services }) {
    const { id } = await find(services, params['user_id']);
    await refuseOperator(services, id);
    return {
      status: 200,
      body: present(await services.accounts.update(id, body, actor).catch(conflictIsBadRequest)),
    };
  },
});

/** The document has a conflict only for registration; for an update it is bad data. */
function conflictIsBadRequest(error: unknown): never {
  const isConflict = isDomainError(error, 'username_taken') || isDomainError(error, 'email_taken');
  throw isConflict ? new DomainError('invalid_request', { ...error.details, reason: error.message }) : error;
}

const deleteUser = operation({
  id: 'deleteUser',
  method: 'delete',
  path: '/users/{user_id}',
  summary: 'Deletes a user account.',
  auth: 'apiKey',
  permission: 'users:write',
  limit: 'program',
  params: schemas.userId,
  replies: { 204: null },
  // Keep the last administrator.
  refusals: [401, 403, 404, 409],
  async handle({ params, actor, services }) {
    const { id } = await find(services, params['user_id']);
    await refuseOperator(services, id);
    await services.accounts.remove(id, actor);
    return { status: 204 };
  },
});

const login = operation({
  id: 'login',
  method: 'post',
  path: '/auth/login',
  summary: 'Authenticates a user and returns an access token.',
  auth: 'apiKey',
  effect: 'login',
  permission: 'auth:login',
  limit: 'program',
  body: schemas.LoginRequest,
  replies: { 200: schemas.LoginResponse },
  refusals: [400, 401, 403],
  async handle({ body, actor, signal, services }) {
    const { tokens } = await logIn(
      services,
      NAME,
      { identifier: body.username, password: body.password, otp: body.otp },
      { actor, signal },
    );
    const { accessToken, refreshToken, accountId } = tokens;
    return { status: 200, body: { token: accessToken, refresh_token: refreshToken }, accountId };
  },
});

const refresh = operation({
  id: 'refresh',
  method: 'post',
  path: '/auth/refresh',
  summary: 'Refreshes an existing access token.',
  auth: 'apiKey',
  permission: 'auth:login',
  limit: 'program',
  body: schemas.RefreshRequest,
  replies: { 200: schemas.RefreshResponse },
  refusals: [400, 401, 403],
  async handle({ body, actor, services }) {
    const { accessToken, accountId } = await services.tokens.refresh(NAME, body.refresh_token, actor);
    return { status: 200, body: { token: accessToken }, accountId };
  },
});

export const operations: Operation[] = [createUser, getUser, updateUser, deleteUser, login, refresh];
