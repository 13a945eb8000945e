import { EMAIL_FORM, newPassword, secret, text, USERNAME_FORM, z } from '../door.ts';
export const CreateUserRequest = z.object({
  username: text('The desired username.', USERNAME_FORM),
  password: newPassword("The user's password."),
  email: text("The user's email address.", EMAIL_FORM),
});
export const UpdateUserRequest = z.object({
  username: text('The new username.', USERNAME_FORM).optional(),
  password: newPassword('The new password.').optional(),
  email: text('The new email address.', EMAIL_FORM).optional(),
});
export const LoginRequest = z.object({
  username: z.string().describe("The user's username."),
  password: secret("The user's password."),
  otp: secret('A TOTP or recovery code, for a user with a second factor.').optional(),
});
export const RefreshRequest = z.object({ refresh_token: secret("The user's refresh token.") });

export const UserResponse = z.strictObject({
  id: z.uuid(),
  username: z.string(),
  email: z.string(),
  created_at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
});
/** The document requires a refresh token and never says where it comes from: issue it at the login. */
export const LoginResponse = z.strictObject({ token: z.string(), refresh_token: z.string() });
export const RefreshResponse = z.strictObject({ token: z.string() });

export const userId = { user_id: z.string().describe('The ID of the user.') };
