import { EMAIL_FORM, newPassword, secret, text, USERNAME_FORM, z } from '../door.ts';
export const CreateUserRequest = z.object({
  username: text("The user's username.", USERNAME_FORM),
  email: text("The user's email address.", EMAIL_FORM),
  password: newPassword("The user's password."),
});
export const UpdateUserRequest = z.object({
  username: text('Updated username.', USERNAME_FORM).optional(),
  email: text('Updated email address.', EMAIL_FORM).optional(),
  password: newPassword('Updated password.').optional(),
});
export const LoginRequest = z.object({
  email: z.string().describe("User's email address."),
  password: secret("User's password."),
  otp: secret('A TOTP or recovery code, for a user with a second factor.').optional(),
});

export const UserResponse = z.strictObject({ id: z.int(), username: z.string(), email: z.string() });
export const LoginResponse = z.strictObject({ token: z.string() });
export const LogoutResponse = z.strictObject({ message: z.literal('Logout successful') });

export const userId = { user_id: z.int().describe('The ID of the user.') };
