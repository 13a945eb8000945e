import {
  callingUser,
  changeOwnPassword,
  DomainError,
  inOwnField,
  join,
  localeOf,
  logIn,
  type Operation,
  operation,
  secondsZ,
} from '../door.ts';
import { authResponse, done, invalid, profile, tokenRole } from './presenters.ts';
import * as schemas from './schemas.ts';

const NAME = 'gateway';

const register = operation({
  id: 'register',
  method: 'post',
  path: '/register',
  summary: 'Creates a new user account and returns JWT tokens.',
  auth: 'none',
  limit: 'credentials',
  body: schemas.RegisterRequest,
  replies: { 201: schemas.AuthResponse },
  // 401 for a role that requires a second factor, 403 while registration is closed.
  refusals: [400, 401, 403, 409],
  async handle({ body, actor, signal, services }) {
    const { user, tokens } = await join(services, NAME, body, { actor, signal });
    return { status: 201, body: authResponse(user, tokens), accountId: user.id };
  },
});

const login = operation({
  id: 'login',
  method: 'post',
  path: '/login',
  summary: 'Authenticates user credentials and returns JWT tokens.',
  auth: 'none',
  effect: 'login',
  limit: 'credentials',
  body: schemas.LoginRequest,
  replies: { 200: schemas.AuthResponse },
  refusals: [400, 401, 423],
  async handle({ body, actor, signal, services }) {
    const { user, tokens } = await logIn(
      services,
      NAME,
      { identifier: body.username, password: body.password, otp: body.otp },
      { actor, signal },
    );
    return { status: 200, body: authResponse(user, tokens), accountId: user.id };
  },
});

const refresh = operation({
  id: 'refresh',
  method: 'post',
  path: '/refresh',
  summary: 'Generates new access token using refresh token.',
  auth: 'none',
  limit: 'credentials',
  body: schemas.RefreshRequest,
  replies: { 200: schemas.AuthResponse },
  refusals: [400, 401],
  async handle({ body, actor, services }) {
    const tokens = await services.tokens.refresh(NAME, body.refreshToken, actor);
    const user = await services.accounts.find(tokens.accountId);
    if (!user) throw new DomainError('invalid_token');
    return { status: 200, body: authResponse(user, tokens), accountId: user.id };
  },
});

const validate = operation({
  id: 'validate',
  method: 'post',
  path: '/validate',
  summary: 'Validates JWT token and returns user information.',
  auth: 'none',
  effect: 'none',
  limit: 'unlimited',
  body: schemas.ValidateRequest,
  replies: { 200: schemas.ValidationResponse },
  refusals: [400],
  async handle({ body, services }) {
    const claims = await services.tokens.verify(NAME, body.token);
    if (claims && (await services.mfa.lacksRequired({ id: claims.sub, roles: claims.roles })))
      return { status: 200, body: invalid(false) };
    if (!claims) return { status: 200, body: invalid(await services.tokens.hasExpired(NAME, body.token)) };
    const { user_number: userId, username, roles, exp: expirationTime } = claims;
    return {
      status: 200,
      body: { valid: true, userId, username, role: tokenRole(roles), expirationTime, errorMessage: null },
      accountId: claims.sub,
    };
  },
});

const logout = operation({
  id: 'logout',
  method: 'post',
  path: '/logout',
  summary: 'Invalidates the current JWT token and logs out the user.',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.ApiResponse },
  refusals: [401],
  async handle({ caller, actor, services }) {
    if (caller?.kind === 'user') await services.tokens.end(caller.claims, actor);
    return { status: 200, body: done('Successfully logged out') };
  },
});

const requestReset = operation({
  id: 'passwordReset',
  method: 'post',
  path: '/password-reset',
  summary: "Sends password reset instructions to user's email.",
  auth: 'none',
  limit: 'credentials',
  body: schemas.PasswordResetRequest,
  replies: { 200: schemas.ApiResponse },
  refusals: [400, 404],
  async handle({ body, actor, services, ctx }) {
    const { found } = await services.reset.request({ email: body.email }, actor, { locale: localeOf(ctx) });
    if (!found && services.settings.gateway.revealUnknownEmail) throw new DomainError('user_not_found');
    return { status: 200, body: done('Password reset instructions sent to your email') };
  },
});

const confirmReset = operation({
  id: 'passwordResetConfirm',
  method: 'post',
  path: '/password-reset/confirm',
  summary: 'Resets user password using reset token.',
  auth: 'none',
  limit: 'credentials',
  body: schemas.PasswordResetConfirmation,
  replies: { 200: schemas.ApiResponse },
  refusals: [400],
  async handle({ body, actor, signal, services }) {
    const { id } = await inOwnField('newPassword', () =>
      services.reset.confirm(body.token, body.newPassword, actor, signal),
    );
    return { status: 200, body: done('Password reset successfully'), accountId: id };
  },
});

const changePassword = operation({
  id: 'changePassword',
  method: 'put',
  path: '/change-password',
  summary: "Changes user's password.",
  auth: 'bearer',
  limit: 'credentials',
  body: schemas.ChangePasswordRequest,
  replies: { 200: schemas.ApiResponse },
  // 423 during the lockout after wrong passwords.
  refusals: [400, 401, 423],
  async handle({ body, caller, actor, signal, services }) {
    const { currentPassword: current, newPassword: next } = body;
    await inOwnField('newPassword', () =>
      changeOwnPassword(
        services,
        caller,
        { current, next, wrongCurrent: 'Invalid current password' },
        { actor, signal },
      ),
    );
    return { status: 200, body: done('Password changed successfully') };
  },
});

const getProfile = operation({
  id: 'profile',
  method: 'get',
  path: '/profile',
  summary: "Retrieves authenticated user's profile information.",
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.ProfileResponse },
  refusals: [401],
  async handle({ caller, services }) {
    return { status: 200, body: profile(await callingUser(services, caller)) };
  },
});

const verifyEmail = operation({
  id: 'verifyEmail',
  method: 'get',
  path: '/verify-email/{token}',
  summary: "Verifies user's email address using verification token.",
  auth: 'none',
  limit: 'credentials',
  params: schemas.verificationToken,
  replies: { 200: schemas.ApiResponse },
  refusals: [400],
  async handle({ params, actor, services }) {
    const { user } = await services.verification.confirm(params['token'] ?? '', actor, { by: 'contract' });
    return { status: 200, body: done('Email verified successfully'), accountId: user.id };
  },
});

const health = operation({
  id: 'health',
  method: 'get',
  path: '/health',
  summary: 'Returns the health status of the authentication service.',
  auth: 'none',
  limit: 'unlimited',
  replies: { 200: schemas.HealthResponse },
  refusals: [],
  async handle({ services }) {
    await Promise.all(Object.values(services.checks).map((check) => check()));
    const data = {
      timestamp: secondsZ(new Date(services.clock.now())),
      service: 'auth-service',
      version: '1.0.0',
    };
    return { status: 200, body: { success: true, message: 'Auth service is healthy', data } };
  },
});

export const operations: Operation[] = [
  register,
  login,
  refresh,
  validate,
  logout,
  requestReset,
  confirmReset,
  changePassword,
  getProfile,
  verifyEmail,
  health,
];
