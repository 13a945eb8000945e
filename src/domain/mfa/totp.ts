import type { Actor } from '../../core/actor.ts';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import { DomainError } from '../../core/errors.ts';
import { isUuid, newUuid } from '../../core/ids.ts';
import { narrow, type TextForm } from '../../core/text.ts';
import type { TotpKey, TotpRecord } from '../../storage/totp.ts';
import { present } from '../users/user.ts';
import type { MfaDependencies } from './dependencies.ts';
import { type FactorChanges, type OwnFactors, parseFactorName } from './factor-changes.ts';

interface TotpEnrolment {
  id: string;
  /** Base32 (RFC 4648), to be typed where a QR code cannot be scanned. */
  secret: string;
  /** `otpauth:`, to be shown as a QR code. */
  uri: string;
  expiresAt: Date;
}

export interface Totp extends OwnFactors<TotpRecord> {
  /**
   * Begins to enrol an authenticator app, which must prove a code within 15 minutes.
   * @throws DomainError user_not_found, email_unverified while the owner is unproven, invalid_request.
   */
  begin(accountId: string, name: string): Promise<TotpEnrolment>;
  /**
   * Confirms an enrolment with a code, and uses that up. One of concurrent attempts succeeds.
   * @param code what was typed, unchecked.
   * @param expected the security version that the account must have; any when undefined.
   * @returns the authenticator; recovery codes, shown this once, when it is the account's first factor; and the account's new
   *   version.
   * @throws DomainError invalid_token when it has another version, factor_not_found when the enrolment is unknown, expired or
   *   done; invalid_credentials with the field `code`; invalid_request with the reason too_many.
   */
  confirm(
    accountId: string,
    id: string,
    code: unknown,
    actor: Actor,
    expected?: number,
  ): Promise<{ authenticator: TotpRecord; recoveryCodes: string[] | null; securityVersion: number }>;
}

const ENROLMENT = 15 * 60_000;
/** Seconds of a time step. */
const STEP = 30;
/** Six for those enrolled here. */
const FORM = /^\d{6,8}$/;
/** Any blanks between included. */
const MAX_INPUT_LENGTH = 64;

/** A code, with blanks and dashes anywhere. Full-width digits are accepted, as people type them. */
export const TOTP_CODE_FORM: TextForm = {
  maxLength: MAX_INPUT_LENGTH,
  pattern: String.raw`^[\s\p{Pd}]*(?:\d[\s\p{Pd}]*){6,8}$`,
  examples: ['123456'],
};

/** Parameters of authenticators enrolled here, which every app supports. */
const ENROLLED = { algorithm: 'sha1', digits: 6, period: STEP } as const;

/** Loaded with the first code: commands and many servers don't need it. */
const otplib = () => import('otplib');

/** A typed code, in ordinary or full-width digits, without the blanks that apps show; null for an impossible one. */
export function parseTotpCode(input: string): string | null {
  if (input.length > MAX_INPUT_LENGTH) return null;
  const code = narrow(input).replaceAll(/[\s\p{Pd}]/gu, '');
  return FORM.test(code) ? code : null;
}

/** Secrets of other services may be as short as RFC 4226 once allowed; those created here have 20 bytes. */
export const MIN_SECRET_BYTES = 8;
export const MAX_SECRET_BYTES = 64;

/**
 * The time step of `code`: the present one or one beside it, because a clock may be off by one step (RFC 6238 section 5.2). Null
 * when it matches none.
 */
export async function stepOf(
  code: string,
  { secret, algorithm, digits, period }: TotpKey,
  clock: Clock,
): Promise<number | null> {
  if (code.length !== digits) return null;
  const { verifySync, createGuardrails } = await otplib();
  const found = verifySync({
    secret,
    token: code,
    algorithm,
    period,
    digits,
    epoch: epochSeconds(clock),
    epochTolerance: period,
    guardrails: createGuardrails({ MIN_SECRET_BYTES, MAX_PERIOD: 300, MIN_PERIOD: 10 }),
  });
  return found.valid && 'timeStep' in found ? found.timeStep : null;
}

export function createTotp(dependencies: MfaDependencies, changes: FactorChanges): Totp {
  const { users, totp, clock, serviceName } = dependencies;
  return {
    ...changes.of('totp', totp),
    async begin(accountId, input) {
      const name = parseFactorName(input);
      const account = present(await users.findById(accountId));
      await changes.admit(account);
      const { id: owner, email } = account;
      const id = newUuid();
      const { generateSecret, generateURI } = await otplib();
      const secret = generateSecret();
      const now = clock.now();
      const expiresAt = new Date(now + ENROLMENT);
      await totp.begin({ id, accountId: owner, name, secret, expiresAt }, now);
      return { id, secret, uri: generateURI({ issuer: serviceName(), label: email, secret }), expiresAt };
    },
    async confirm(accountId, id, input, actor, expected) {
      const secret = isUuid(id) ? await totp.pendingSecret(accountId, id, clock.now()) : null;
      if (secret === null) throw new DomainError('factor_not_found');
      const code = typeof input === 'string' ? parseTotpCode(input) : null;
      const step = code === null ? null : await stepOf(code, { ...ENROLLED, secret }, clock);
      if (step === null) throw new DomainError('invalid_credentials', { field: 'code' });
      const { added, ...rest } = await changes.add(
        accountId,
        'totp',
        async (tx) => {
          const authenticator = await totp.confirm(accountId, id, step, new Date(clock.now()), tx);
          if (!authenticator) throw new DomainError('factor_not_found');
          return authenticator;
        },
        actor,
        expected,
      );
      return { authenticator: added, ...rest };
    },
  };
}
