import { EMAIL_FORM, NAME_FORM, newPassword, secret, text, z } from '../door.ts';
export const RegisterRequest = z.object({
  email: text('Email address', EMAIL_FORM),
  name: text('Name', NAME_FORM),
  password: newPassword('Password'),
});
export const LoginRequest = z.object({
  email: z.string(),
  password: secret('Password'),
  otp: secret('A TOTP or recovery code, for a user with a second factor').optional(),
});
export const RefreshRequest = z.object({ refresh_token: secret('Refresh token') });
export const UpdateUserRequest = z.object({
  name: text('Name', NAME_FORM).optional(),
  email: text('Email address', EMAIL_FORM).optional(),
});
export const ChangePasswordRequest = z.object({
  current_password: secret('Current password'),
  new_password: newPassword('New password'),
});

export const UserResponse = z.strictObject({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  created_at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
});

const signedIn = <M extends string>(message: M) =>
  z.strictObject({
    message: z.literal(message),
    user: UserResponse,
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal('bearer'),
  });
export const RegisterResponse = signedIn('User registered successfully');
export const LoginResponse = signedIn('Login successful');
export const RefreshResponse = z.strictObject({ access_token: z.string(), token_type: z.literal('bearer') });
export const message = <M extends string>(text: M) => z.strictObject({ message: z.literal(text) });

const service = { service: z.literal('PPL Auth Service'), version: z.literal('1.0.0') };
export const HealthResponse = z.strictObject({ status: z.literal('healthy'), ...service });
export const ReadyResponse = z.strictObject({
  status: z.literal('ready'),
  ...service,
  database: z.literal('connected'),
});

export const ErrorResponse = z.strictObject({ detail: z.string() });
