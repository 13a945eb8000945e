import { z } from 'zod';
import { FACTOR_NAME_FORM } from '../../../domain/mfa/factor-changes.ts';
import { RegistrationReply } from '../../../domain/mfa/passkeys/replies.ts';
import { TOTP_CODE_FORM } from '../../../domain/mfa/totp.ts';
import { EMAIL_FORM } from '../../../core/email-address.ts';
import { newPassword, secret, text } from '../../endpoints/text.ts';
import * as items from '../items.ts';
import { limit } from '../lists.ts';

const moment = z.iso.datetime();

export const EmailChange = z.strictObject({
  email: text('The new address', EMAIL_FORM),
});
export const Sent = z.strictObject({ sent: z.boolean().describe('Whether there was anything to verify') });

export const PasswordChange = z.strictObject({
  current_password: secret('Omit it if the account has none').optional(),
  new_password: newPassword('The new password'),
});

export const Factors = z.strictObject({
  totp: z.array(items.Totp),
  passkeys: z.array(items.Passkey),
  recovery_codes_left: z.int(),
  required: z.boolean().describe('Whether the account must have a second factor'),
});
export const FactorName = z.strictObject({ name: text('1 to 60 characters', FACTOR_NAME_FORM) });
const recovery_codes = z
  .array(z.string())
  .nullable()
  .describe('Shown only once, with the first factor of an account; otherwise null');

export const TotpEnrolment = z.strictObject({
  id: z.uuid(),
  secret: z.string().describe('Base32 (RFC 4648)'),
  uri: z.string().describe('`otpauth:`, for a QR code'),
  expires_at: moment,
});
export const TotpCode = z.strictObject({
  code: z.string().meta({ description: 'The code that the app shows', ...TOTP_CODE_FORM }),
});
export const TotpConfirmed = z.strictObject({ factor: items.Totp, recovery_codes });

export const PasskeyOptions = z
  .looseObject({ challenge: z.string(), rp: z.looseObject({ id: z.string().optional() }) })
  .describe('PublicKeyCredentialCreationOptionsJSON (WebAuthn level 3)');
const { $schema: _dialect, ...registrationReply } = z.toJSONSchema(RegistrationReply, { io: 'input' });
export const NewPasskey = z.strictObject({
  name: text('1 to 60 characters', FACTOR_NAME_FORM),
  credential: z.looseObject({}).meta({
    ...registrationReply,
    description: 'RegistrationResponseJSON (WebAuthn level 3), from a page at the origin of the issuer',
  }),
});
export const PasskeyAdded = z.strictObject({ factor: items.Passkey, recovery_codes });

export const RecoveryCodesLeft = z.strictObject({ left: z.int() });
export const RecoveryCodes = z.strictObject({ codes: z.array(z.string()).describe('Shown only once') });

export const Sessions = z.strictObject({ sessions: z.array(items.Session) });
export const Ended = z.strictObject({ ended: z.int() });

export const Apps = z.strictObject({ apps: z.array(items.App) });

export const Identities = z.strictObject({ identities: z.array(items.Identity) });

export const ApiKeys = z.strictObject({ api_keys: z.array(items.ApiKey) });

export const EventPage = z.object({
  limit,
  cursor: z.string().describe('`next_cursor` of the previous page').optional(),
});
export const Events = z.strictObject({
  events: z.array(items.Event),
  next_cursor: z.string().nullable().describe('null on the last page'),
});

/** Path parameters. */
export const factorId = { id: z.string().describe('The id of the factor') };
export const identityId = { id: z.string().describe('The id of the identity') };
export const apiKeyId = { id: z.string().describe('The id of the key') };
export const sessionId = { id: z.string().describe('The id of the session') };
export const clientId = { client_id: z.string().describe('The client_id of the app') };
