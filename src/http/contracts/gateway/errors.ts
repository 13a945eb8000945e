import { type Contract, type Refusal, secondsZ } from '../door.ts';
/** `423 Locked` is the document's own; the others are the common ones. */
export const statuses: Contract['statuses'] = { account_locked: 423, account_suspended: 423 };

export const messages: Contract['messages'] = {
  invalid_credentials: 'Invalid credentials',
  account_locked: 'Account locked',
  account_suspended: 'Account locked',
  mfa_required: 'mfa_required',
  invalid_token: 'Invalid or missing token',
  user_not_found: 'User not found',
  invalid_reset_token: 'Invalid or expired reset token',
  invalid_verification_token: 'Invalid or expired verification token',
  username_taken: 'User already exists',
  email_taken: 'User already exists',
};

export const refuse = ({ status, code, message, details, at }: Refusal) => ({
  timestamp: secondsZ(at),
  status,
  message:
    details.field && code !== 'username_taken' && code !== 'email_taken'
      ? `Validation failed for field '${details.field}'`
      : message,
});
