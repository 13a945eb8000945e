import type * as Server from '@simplewebauthn/server';
import type * as Helpers from '@simplewebauthn/server/helpers';
import { isIPv4 } from 'node:net';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { MfaDependencies } from '../dependencies.ts';
import { constantTimeEqual } from '../../../core/secrets.ts';
import { DomainError } from '../../../core/errors.ts';

/** The library, loaded at the first ceremony: it would add a quarter to the time of every start. */
export const webauthn = (): Promise<typeof Server> => import('@simplewebauthn/server');
export const webauthnHelpers = (): Promise<typeof Helpers> => import('@simplewebauthn/server/helpers');

/** The relying party (WebAuthn section 4): passkeys work at this origin and no other. */
export interface RelyingParty {
  id: string;
  origin: string;
}

export const relyingPartyOf = ({ publicUrl }: Pick<MfaDependencies, 'publicUrl'>): RelyingParty => {
  const { origin, hostname } = new URL(publicUrl);
  return { id: hostname, origin };
};

/** Whether passkeys are possible at an address: not with an IP address as host (WebAuthn section 5.1.2, RP ID). */
export const passkeysWorkAt = (publicUrl: string): boolean => {
  const { hostname } = new URL(publicUrl);
  return !hostname.startsWith('[') && !isIPv4(hostname);
};

/** Why the reply of an authenticator is refused. */
type PasskeyReason =
  /** The response does not have the form of the WebAuthn API. */
  | 'malformed'
  /** It answers another challenge, or one that has expired or was answered before. */
  | 'challenge'
  /** It was made for another site. */
  | 'origin'
  | 'rp_id'
  /** User presence or user verification is missing. */
  | 'user_verification'
  /** The passkey is unknown or another account's. */
  | 'unknown'
  | 'signature'
  /** The counter went back: the authenticator was cloned. */
  | 'counter'
  | 'already_registered'
  /** Passkeys are impossible at the address of this service. */
  | 'unsupported';

/** Refuses a reply. @throws DomainError invalid_passkey, always. */
export function refuse(reason: PasskeyReason, cause?: unknown): never {
  throw new DomainError('invalid_passkey', { reason }, { cause });
}

/** Far longer than any real reply. */
const base64url = z
  .string()
  .max(65_536)
  .regex(/^[\w-]+$/);
const credential = { id: base64url.max(1366), rawId: base64url, type: z.literal('public-key') };

/** `RegistrationResponseJSON` (WebAuthn section 5.1.8.1), as far as it is used. */
export const RegistrationReply = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    attestationObject: base64url,
    transports: z.array(z.string().max(32)).max(16).optional(),
  }),
});

/** `AuthenticationResponseJSON` (WebAuthn section 5.1.8.2), as far as it is used. */
const assertion = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url.nullish(),
  }),
});

const clientData = z.object({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
});

const parse = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : refuse('malformed', parsed.error);
};

export type RegistrationReply = z.infer<typeof RegistrationReply>;
export type AssertionReply = z.infer<typeof assertion>;

/** @throws DomainError invalid_passkey. */
export const parseRegistration = (value: unknown): RegistrationReply => parse(RegistrationReply, value);
/** @throws DomainError invalid_passkey. */
export const parseAssertion = (value: unknown): AssertionReply => parse(assertion, value);

/**
 * Verifies the client data (WebAuthn section 5.8.1) except the challenge.
 * @returns the challenge. @throws DomainError invalid_passkey.
 */
export function checkClientData(
  clientDataJSON: string,
  type: 'webauthn.create' | 'webauthn.get',
  { origin }: RelyingParty,
): string {
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'));
  } catch (error) {
    refuse('malformed', error);
  }
  const data = parse(clientData, decoded);
  if (data.type !== type) refuse('malformed');
  // Our pages are never framed.
  if (data.origin !== origin || data.crossOrigin === true) refuse('origin');
  return data.challenge;
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;

/**
 * Verifies the authenticator data (WebAuthn section 6.1): relying party and user presence. @returns whether the user
 * was verified. @throws DomainError invalid_passkey.
 */
export function checkAuthenticatorData(data: Uint8Array, { id }: RelyingParty): { verified: boolean } {
  const flags = data[32];
  if (flags === undefined) refuse('malformed');
  const rpIdHash = Buffer.from(data.subarray(0, 32)).toString('base64url');
  const expected = createHash('sha256').update(id).digest('base64url');
  if (!constantTimeEqual(rpIdHash, expected)) refuse('rp_id');
  if ((flags & USER_PRESENT) === 0) refuse('user_verification');
  return { verified: (flags & USER_VERIFIED) !== 0 };
}
