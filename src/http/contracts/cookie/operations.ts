import {
  authenticate,
  callingUser,
  type ContractServices,
  DomainError,
  isDomainError,
  logIn,
  microsecondsLocal,
  type Operation,
  operation,
} from '../door.ts';
import { presentUser, tokenResponse } from './presenters.ts';
import { clearRefreshToken, readRefreshToken, setRefreshToken } from './refresh-cookie.ts';
import * as schemas from './schemas.ts';

export const NAME = 'cookie';

const health = operation({
  id: 'health',
  method: 'get',
  path: '/health',
  summary: 'Health Check',
  auth: 'none',
  limit: 'unlimited',
  replies: { 200: schemas.HealthResponse, 503: schemas.UnhealthyResponse },
  refusals: [],
  async handle({ services }) {
    const failed = await failedStore(services);
    if (failed) {
      const error = `${failed === 'redis' ? 'Redis' : 'Database'} connection failed`;
      return {
        status: 503,
        body: { status: 'unhealthy', error, timestamp: microsecondsLocal(new Date(services.clock.now())) },
      };
    }
    // Without Redis, PostgreSQL does its work: report it as connected.
    const dependencies = { database: 'connected', redis: 'connected' };
    const uptime = String(Math.floor(process.uptime()));
    return {
      status: 200,
      body: { status: 'healthy', service: 'auth_service', version: '2.1.0', uptime, dependencies },
    };
  },
});

async function failedStore({ checks }: ContractServices): Promise<string | null> {
  const names = Object.keys(checks);
  const results = await Promise.allSettled(Object.values(checks).map((check) => check()));
  return names[results.findIndex(({ status }) => status === 'rejected')] ?? null;
}

const register = operation({
  id: 'register',
  method: 'post',
  path: '/auth/register',
  summary: 'Register a new user account.',
  auth: 'none',
  limit: 'credentials',
  body: schemas.RegisterRequest,
  replies: { 201: schemas.UserResponse },
  // 403 while registration is closed.
  refusals: [400, 403],
  async handle({ body, actor, signal, services }) {
    const { first_name: givenName, last_name: familyName, ...rest } = body;
    const names = {
      ...(givenName === undefined ? {} : { givenName }),
      ...(familyName === undefined ? {} : { familyName }),
    };
    const user = await services.accounts.register({ ...rest, ...names }, actor, signal);
    return { status: 201, body: presentUser(user), accountId: user.id };
  },
});

const token = operation({
  id: 'token',
  method: 'post',
  path: '/auth/token',
  summary: 'Authenticate user and receive JWT tokens.',
  auth: 'none',
  effect: 'login',
  limit: 'credentials',
  body: schemas.TokenRequest,
  replies: { 200: schemas.TokenResponse },
  refusals: [400, 401],
  async handle({ body, actor, signal, services, ctx }) {
    const { tokens } = await logIn(
      services,
      NAME,
      { identifier: body.username, password: body.password, otp: body.otp },
      { actor, signal },
    );
    setRefreshToken(ctx, services, tokens.refreshToken);
    return { status: 200, body: tokenResponse(tokens.accessToken), accountId: tokens.accountId };
  },
});

const refresh = operation({
  id: 'refresh',
  method: 'post',
  path: '/auth/token/refresh',
  summary: 'Refresh JWT access token using refresh token cookie.',
  auth: 'none',
  limit: 'credentials',
  replies: { 200: schemas.TokenResponse },
  refusals: [401, 403],
  async handle({ actor, services, ctx }) {
    const cookie = readRefreshToken(ctx, services);
    if (cookie === undefined) throw new DomainError('invalid_token', { reason: 'missing' });
    try {
      const tokens = await services.tokens.refresh(NAME, cookie, actor);
      setRefreshToken(ctx, services, tokens.refreshToken);
      return { status: 200, body: tokenResponse(tokens.accessToken), accountId: tokens.accountId };
    } catch (error) {
      if (isDomainError(error, 'invalid_token')) clearRefreshToken(ctx, services);
      throw error;
    }
  },
});

const logout = operation({
  id: 'logout',
  method: 'post',
  path: '/auth/logout',
  summary: 'Logout user and revoke tokens.',
  auth: 'none',
  limit: 'ordinary',
  replies: { 200: schemas.LogoutResponse },
  refusals: [401, 403],
  async handle({ actor, services, ctx }) {
    // Identify the login by the access token, or by the cookie when the token has expired.
    const cookie = readRefreshToken(ctx, services);
    const caller = await authenticate(ctx, { name: NAME }, { auth: 'bearer' }, services).catch(
      (error: unknown) => {
        if (cookie !== undefined && isDomainError(error, 'invalid_token')) return null;
        throw error;
      },
    );
    if (caller?.kind === 'user') await services.tokens.end(caller.claims, actor);
    if (cookie !== undefined) await services.tokens.endByRefreshToken(NAME, cookie, actor);
    clearRefreshToken(ctx, services);
    return {
      status: 200,
      body: { message: 'Logout successful' },
      ...(caller?.accountId ? { accountId: caller.accountId } : {}),
    };
  },
});

const me = operation({
  id: 'me',
  method: 'get',
  path: '/auth/me',
  summary: 'Get current user profile (requires authentication).',
  auth: 'bearerOrApiKey',
  permission: 'profile:read',
  limit: 'ordinary',
  replies: { 200: schemas.UserResponse },
  refusals: [401, 403],
  async handle({ caller, services }) {
    return { status: 200, body: presentUser(await callingUser(services, caller)) };
  },
});

export const operations: Operation[] = [health, register, token, refresh, logout, me];
