import { FACTOR_NAME_FORM, text, TOTP_CODE_FORM, z } from '../door.ts';
/** `2025-06-15T11:09:03.405528`: UTC to the microsecond, without a zone. */
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);

export const EnrolRequest = z.object({
  name: text('What its owner calls the authenticator app', FACTOR_NAME_FORM),
});
export const ConfirmRequest = z.object({
  code: z.string().meta({ description: 'The code that the authenticator app shows', ...TOTP_CODE_FORM }),
});

const Authenticator = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  created_at: time,
  last_used_at: time.nullable(),
});
export const MfaResponse = z.strictObject({
  enabled: z.boolean(),
  required: z.boolean().describe('Whether the account must have a second factor'),
  totp: z.array(Authenticator),
  recovery_codes_left: z.int(),
});
export const EnrolmentResponse = z.strictObject({
  id: z.uuid(),
  secret: z.string().describe('Base32, to be typed where a QR code cannot be scanned'),
  otpauth_url: z.string().describe('To be shown as a QR code'),
  expires_at: time,
});
const codes = z.array(z.string()).describe('Shown this once; each serves once');
export const ConfirmedResponse = Authenticator.extend({ recovery_codes: codes.nullable() });
export const RecoveryCodesResponse = z.strictObject({ recovery_codes: codes });
export const RemovedResponse = z.strictObject({ message: z.literal('Authenticator removed') });

export const factorId = { factor_id: z.string().describe('The id of the authenticator') };
