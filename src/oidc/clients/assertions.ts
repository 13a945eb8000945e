import { errors, type Configuration } from 'oidc-provider';
import { epochSeconds, type Clock } from '../../kernel/clock.ts';
import type { ExtraClientProperties } from './metadata.ts';
import { mayBeSignedBy } from './profiles.ts';

/** Seconds ahead that an assertion may expire: its `jti` is remembered for as long. */
const LONGEST = 600;
/** Characters: an identifier of a statement, not a place to keep things. */
const MAX_JTI = 255;

/**
 * What the library leaves open about client assertions (RFC 7523 section 3): the audience is this issuer, alone and as a
 * string, so that an assertion made for another server, or for one endpoint of several, serves nobody here; and what must
 * be remembered of one is small and short-lived.
 */
export function createAssertionCheck(
  issuer: string,
  clock: Clock,
): NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']> {
  return async (_ctx, { aud, exp, jti }, { alg }, client) => {
    const refuse = (reason: string): never => {
      throw new errors.InvalidClientAuth(`client_assertion: ${reason}`);
    };
    if (!mayBeSignedBy(alg, client as ExtraClientProperties))
      refuse('must be signed by PS256, ES256 or EdDSA (FAPI 2.0 Security Profile section 5.4.1)');
    if (aud !== issuer) refuse('aud must be the issuer alone, as a string');
    if (typeof exp !== 'number' || exp > epochSeconds(clock) + LONGEST)
      refuse(`exp must be at most ${LONGEST} seconds ahead`);
    if (typeof jti !== 'string' || jti.length > MAX_JTI)
      refuse(`jti must be a string of at most ${MAX_JTI} characters`);
  };
}
