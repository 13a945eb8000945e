import {
  ACCOUNT_PERMISSIONS,
  EMAIL_FORM,
  NAME_FORM,
  newPassword,
  secret,
  text,
  USERNAME_FORM,
  z,
} from '../door.ts';
export const RegisterRequest = z.object({
  username: text('Username', USERNAME_FORM),
  email: text('Email address', EMAIL_FORM),
  password: newPassword('Password'),
  first_name: text('First name', NAME_FORM).optional(),
  last_name: text('Last name', NAME_FORM).optional(),
});
export const TokenRequest = z.object({
  username: z.string(),
  password: secret('Password'),
  otp: secret('A TOTP or recovery code, for a user with a second factor').optional(),
});
export const ApiKeyRequest = z.object({
  name: text('What the key is for', NAME_FORM),
  permissions: z
    .array(z.string().meta({ enum: ACCOUNT_PERMISSIONS }))
    .max(10)
    .optional()
    .describe('What the key may do (profile:read, api-keys:read); all of it unless given'),
  expires_at: z.iso
    .datetime({ local: true, offset: true })
    .optional()
    .describe('In UTC, where it names no zone'),
});

/** `2025-06-15T11:09:03.405528`: UTC to the microsecond, without a zone. */
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);

export const UserResponse = z.strictObject({
  id: z.int(),
  username: z.string(),
  email: z.string(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  is_active: z.boolean(),
  is_superuser: z.boolean(),
});
/** The refresh token is in an HttpOnly cookie. */
export const TokenResponse = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('bearer'),
  refresh_token: z.null(),
});
export const LogoutResponse = z.strictObject({ message: z.literal('Logout successful') });

export const ApiKeyResponse = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  prefix: z.string(),
  permissions: z.array(z.string()),
  created_at: time,
  expires_at: time.nullable(),
  last_used_at: time.nullable(),
});
export const NewApiKeyResponse = ApiKeyResponse.extend({ api_key: z.string().describe('Shown this once') });
export const ApiKeyListResponse = z.array(ApiKeyResponse);
export const ApiKeyDeletedResponse = z.strictObject({ message: z.literal('API key revoked') });
export const keyId = { key_id: z.string().describe('The id of the key') };

export const HealthResponse = z.strictObject({
  status: z.literal('healthy'),
  service: z.literal('auth_service'),
  version: z.literal('2.1.0'),
  /** Seconds, as text. */
  uptime: z.string().regex(/^\d+$/),
  dependencies: z.strictObject({ database: z.literal('connected'), redis: z.literal('connected') }),
});
export const UnhealthyResponse = z.strictObject({
  status: z.literal('unhealthy'),
  error: z.string(),
  timestamp: time,
});

export const ErrorResponse = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    details: z.strictObject({ field: z.string().optional(), reason: z.string().optional() }),
    timestamp: time,
    request_id: z.string(),
  }),
});
