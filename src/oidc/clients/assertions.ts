import { errors, type Configuration } from 'oidc-provider';
import { epochSeconds, type Clock } from '../../core/clock.ts';
import { holds } from '../../core/security-profiles.ts';
import type { ExtraClientProperties } from './names.ts';
import { mayBeSignedBy } from './security-profiles.ts';

/** Maximum seconds until an assertion expires: its `jti` is remembered for as long. */
export const MAX_ASSERTION_LIFETIME = 3600;
/** Seconds by which the signer's clock may be ahead. */
export const AHEAD = 60;
/** Characters of a `jti`, which must be stored. */
export const MAX_JTI = 255;

/** Whether `exp` is close enough to `now`, both in seconds since the epoch. */
export const endsInTime = (exp: unknown, now: number): boolean =>
  typeof exp === 'number' && exp <= now + MAX_ASSERTION_LIFETIME + AHEAD;

/**
 * Checks of client assertions (RFC 7523 section 3) that the library leaves open. It has checked that the audience is or contains
 * this issuer, its token endpoint or the requested endpoint (OpenID Connect Core section 9, RFC 9126 section 2, CIBA Core
 * section 7.1). Under FAPI 2.0 it must be the issuer alone, so that no other server can use the assertion here. What has to be
 * remembered of one is small and short-lived.
 */
export function createAssertionCheck(
  issuer: string,
  clock: Clock,
): NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']> {
  return async (_ctx, { aud, exp, jti }, { alg }, client) => {
    const { profile } = client as ExtraClientProperties;
    const refuse = (reason: string): never => {
      throw new errors.InvalidClientAuth(`client_assertion: ${reason}`);
    };
    if (!mayBeSignedBy(alg, client as ExtraClientProperties))
      refuse('must be signed by PS256, ES256 or EdDSA (FAPI 2.0 Security Profile section 5.4.1)');
    if (aud !== issuer && holds(profile, 'fapi2'))
      refuse('aud must be only the issuer, as a string (FAPI 2.0 Security Profile section 5.3.2.1)');
    if (!endsInTime(exp, epochSeconds(clock)))
      refuse(`exp must be at most ${MAX_ASSERTION_LIFETIME} seconds ahead`);
    if (typeof jti !== 'string' || jti.length > MAX_JTI)
      refuse(`jti must be a string of at most ${MAX_JTI} characters`);
  };
}
