import { EMAIL_FORM, newPassword, secret, text, USERNAME_FORM, z } from '../door.ts';
const otp = secret('A TOTP or recovery code, for an account with a second factor').optional();

export const RegisterRequest = z.object({
  username: text('Username', USERNAME_FORM),
  email: text('Email address', EMAIL_FORM),
  password: newPassword('Password'),
});
export const LoginRequest = z.object({ username: z.string(), password: secret('Password'), otp });
export const RefreshRequest = z.object({ refreshToken: secret('Refresh token') });
export const ValidateRequest = z.object({ token: secret('Access token') });
export const PasswordResetRequest = z.object({ email: text('Email address') });
export const PasswordResetConfirmation = z.object({
  token: secret('Reset token'),
  newPassword: newPassword('New password'),
});
export const ChangePasswordRequest = z.object({
  currentPassword: secret('Current password'),
  newPassword: newPassword('New password'),
});

export const verificationToken = { token: z.string().describe('Email verification token') };

const tokenRole = z.enum(['ROLE_USER', 'ROLE_ADMIN']);
/** `2025-06-17T10:30:00`: UTC, to the second, without a zone. */
const localTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
/** The same with `Z`. */
const instant = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

export const AuthResponse = z.strictObject({
  accessToken: z.string(),
  refreshToken: z.string(),
  tokenType: z.literal('Bearer'),
  expiresAt: localTime,
  userId: z.int(),
  username: z.string(),
  role: tokenRole,
});

export const ValidationResponse = z.discriminatedUnion('valid', [
  z.strictObject({
    valid: z.literal(true),
    userId: z.int(),
    username: z.string(),
    role: tokenRole,
    /** Seconds since the epoch. */
    expirationTime: z.int(),
    errorMessage: z.null(),
  }),
  z.strictObject({
    valid: z.literal(false),
    userId: z.null(),
    username: z.null(),
    role: z.null(),
    expirationTime: z.null(),
    errorMessage: z.string(),
  }),
]);

export const ApiResponse = z.strictObject({ success: z.literal(true), message: z.string(), data: z.null() });

export const ProfileResponse = z.strictObject({
  id: z.int(),
  username: z.string(),
  email: z.string(),
  role: z.enum(['USER', 'ADMIN']),
  createdAt: localTime,
  lastLoginAt: localTime,
  status: z.enum(['ACTIVE', 'SUSPENDED']),
});

export const HealthResponse = z.strictObject({
  success: z.literal(true),
  message: z.literal('Auth service is healthy'),
  data: z.strictObject({
    timestamp: instant,
    service: z.literal('auth-service'),
    version: z.literal('1.0.0'),
  }),
});

export const ErrorResponse = z.strictObject({ timestamp: instant, status: z.int(), message: z.string() });
