import { z } from 'zod';
import { USERNAME_FORM } from '../../../domain/identifiers.ts';
import { FACTOR_NAME_FORM } from '../../../domain/mfa/factor-changes.ts';
import { RegistrationReply } from '../../../domain/mfa/passkeys/replies.ts';
import { TOTP_CODE_FORM } from '../../../domain/mfa/totp.ts';
import { ADDRESS_LINE_FORM, STREET_FORM } from '../../../domain/users/claims.ts';
import { eachClaim } from '../../../domain/users/profile-fields.ts';
import { EMAIL_FORM } from '../../../core/email-address.ts';
import type { TextForm } from '../../../core/text.ts';
import { newPassword, secret, text } from '../../endpoints/text.ts';
import { limit } from '../lists.ts';
import { attributeChanges, Profile } from '../profile.ts';

const moment = z.iso.datetime();
const device = {
  browser: z.string().nullable(),
  system: z.string().nullable(),
  ip: z.string().nullable(),
};

const change = (description: string, form: TextForm) =>
  text(`${description}; null takes it away, and what is left out stays`, form).nullish();
const part = (description: string, form = ADDRESS_LINE_FORM) => text(description, form).nullish();
export const ProfileChanges = z.strictObject({
  username: change('3 to 64 letters, digits and . _ -', USERNAME_FORM),
  ...eachClaim(({ description, form }) => change(description, form)),
  address: z
    .strictObject({
      street_address: part('Up to four lines', STREET_FORM),
      locality: part('A city or town'),
      region: part('A state, province or prefecture'),
      postal_code: part('A postal code'),
      country: part('The name of a country'),
    })
    .describe('Replaces the address whole; null takes it away')
    .nullish(),
  attributes: attributeChanges.optional(),
});

export const EmailChange = z.strictObject({
  email: text('The address that shall be the account’s', EMAIL_FORM),
});
export const Sent = z.strictObject({ sent: z.boolean().describe('Whether there was something to confirm') });

export const PasswordChange = z.strictObject({
  current_password: secret('Left out by an account that has none').optional(),
  new_password: newPassword('The new password'),
});

export const Totp = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  created_at: moment,
  last_used_at: moment.nullable(),
});
export const Passkey = z.strictObject({
  ...Totp.shape,
  backed_up: z.boolean().describe('Whether its maker keeps a copy of it'),
});
export const Factors = z.strictObject({
  totp: z.array(Totp),
  passkeys: z.array(Passkey),
  recovery_codes_left: z.int(),
  required: z.boolean().describe('Whether the account must have a second factor'),
});
export const FactorName = z.strictObject({ name: text('1 to 60 characters', FACTOR_NAME_FORM) });
const recovery_codes = z
  .array(z.string())
  .nullable()
  .describe('Shown this once, with the first factor of an account; else null');

export const TotpEnrolment = z.strictObject({
  id: z.uuid(),
  secret: z.string().describe('Base32 (RFC 4648)'),
  uri: z.string().describe('`otpauth:`, for a QR code'),
  expires_at: moment,
});
export const TotpCode = z.strictObject({
  code: z.string().meta({ description: 'What the app shows', ...TOTP_CODE_FORM }),
});
export const TotpConfirmed = z.strictObject({ factor: Totp, recovery_codes });

export const PasskeyOptions = z
  .looseObject({ challenge: z.string(), rp: z.looseObject({ id: z.string().optional() }) })
  .describe('PublicKeyCredentialCreationOptionsJSON (WebAuthn level 3)');
const { $schema: _dialect, ...registrationReply } = z.toJSONSchema(RegistrationReply, { io: 'input' });
export const NewPasskey = z.strictObject({
  name: text('1 to 60 characters', FACTOR_NAME_FORM),
  credential: z.looseObject({}).meta({
    ...registrationReply,
    description: 'RegistrationResponseJSON (WebAuthn level 3), of a page at the address of the issuer',
  }),
});
export const PasskeyAdded = z.strictObject({ factor: Passkey, recovery_codes });

export const RecoveryCodesLeft = z.strictObject({ left: z.int() });
export const RecoveryCodes = z.strictObject({ codes: z.array(z.string()).describe('Shown this once') });

const Session = z.strictObject({
  id: z.string(),
  kind: z.enum(['browser', 'device']).describe('`device`: signed in by a code (RFC 8628)'),
  current: z.boolean().describe('Whether the token comes from it'),
  ...device,
  signed_in_at: moment,
  seen_at: moment.nullable(),
  expires_at: moment,
  client_ids: z.array(z.string()).describe('The apps that it is signed in to'),
  ends_with: z
    .string()
    .nullable()
    .describe('Of a device without `offline_access`: the browser whose access it shares, and ends with'),
});
export const Sessions = z.strictObject({ sessions: z.array(Session) });
export const Ended = z.strictObject({ ended: z.int() });

const App = z.strictObject({
  client_id: z.string(),
  name: z.string().nullable().describe('null for an app that is gone'),
  since: moment,
  scopes: z.array(z.string()),
  resources: z.array(z.strictObject({ identifier: z.string(), scopes: z.array(z.string()) })),
});
export const Apps = z.strictObject({ apps: z.array(App) });

const Identity = z.strictObject({
  id: z.uuid(),
  provider: z.string().describe('What this service calls the other one'),
  label: z.string().nullable().describe('What its owner knows it by'),
  created_at: moment,
  last_used_at: moment.nullable(),
});
export const Identities = z.strictObject({ identities: z.array(Identity) });

const ApiKey = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  prefix: z.string().describe('What the key begins with'),
  permissions: z.array(z.string()),
  created_at: moment,
  expires_at: moment.nullable(),
  last_used_at: moment.nullable(),
});
export const ApiKeys = z.strictObject({ api_keys: z.array(ApiKey) });

const Event = z.strictObject({
  id: z.uuid(),
  type: z.string(),
  outcome: z.enum(['success', 'failure']),
  at: moment,
  ...device,
  door: z.string().describe('Through which door: pages, api, oidc, contract:<name>, …'),
  client_id: z.string().nullable(),
});
export const EventPage = z.object({
  limit,
  cursor: z.string().describe('`next_cursor` of the page before').optional(),
});
export const Events = z.strictObject({
  events: z.array(Event),
  next_cursor: z.string().nullable().describe('null on the last page'),
});

export const Data = z.strictObject({
  account: Profile,
  factors: Factors.omit({ required: true }),
  sessions: z.array(Session.omit({ current: true })),
  apps: z.array(App.omit({ name: true })),
  identities: z.array(Identity),
  api_keys: z.array(ApiKey),
  events: z.array(Event),
});

/** What the paths have. */
export const factorId = { id: z.string().describe('The id of the factor') };
export const identityId = { id: z.string().describe('The id of the identity') };
export const apiKeyId = { id: z.string().describe('The id of the key') };
export const sessionId = { id: z.string().describe('The id of the session') };
export const clientId = { client_id: z.string().describe('The client_id of the app') };
