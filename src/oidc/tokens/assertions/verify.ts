import { decodeJwt, decodeProtectedHeader } from 'jose';
import { errors } from 'oidc-provider';
import { endsInTime, LONGEST } from '../../clients/assertions.ts';
import type { ExtraClientProperties } from '../../clients/metadata.ts';
import type { AssertionKeys, KeySource } from './keys.ts';

/** Asymmetric ones alone: no secret of ours or of a client's signs, and neither does nobody (RFC 8725 section 3.1). */
const ALGORITHMS = ['ES256', 'EdDSA', 'PS256', 'RS256'];

/** Seconds that clocks may differ by. */
const TOLERANCE = 5;

const MAX_JTI = 255;

/** A client, as far as assertions are concerned. */
export type Asserting = ExtraClientProperties & { clientId: string } & KeySource;

/** A verified assertion; valid unless it was used before. */
export interface Assertion {
  iss: string;
  jti: string;
  /** How long to remember its `jti`, in seconds since the epoch. */
  rememberedUntil: number;
}

/** An invalid_grant that gives the reason, so that the signer can fix it. */
export const invalidAssertion = (reason: string) =>
  new errors.CustomOIDCProviderError('invalid_grant', `assertion ${reason}`);

interface Dependencies {
  keys: AssertionKeys;
  issuer: string;
  /** Seconds since the epoch. */
  now(): number;
}

interface Trusted {
  iss: string;
  sub: string;
  /** Whether it may be for others besides: another issuer's would then be in hands that could show it here. */
  mayBeShared: boolean;
  source: KeySource;
}

/** Whom an assertion claims to be of, if that is somebody whose assertions stand for the client. */
function trustedFor(client: Asserting, iss: unknown, sub: unknown): Trusted | undefined {
  const { clientId, assertion_issuers: others = [] } = client;
  if (iss === clientId && sub === clientId)
    return { iss: clientId, sub: clientId, mayBeShared: true, source: client };
  const other = others.find(({ issuer, subject }) => issuer === iss && subject === sub);
  if (!other) return undefined;
  const source = 'jwks' in other ? { jwks: other.jwks } : { jwksUri: other.jwks_uri };
  return { iss: other.issuer, sub: other.subject, mayBeShared: false, source };
}

/**
 * Makes the check of assertions (RFC 7523 section 3): `aud` is this issuer or its token endpoint, of another issuer's
 * assertion nobody else besides; `exp` is near, `jti` is there. It throws invalid_grant, which says what is wrong.
 */
export function createAssertionCheck({ keys, issuer, now }: Dependencies) {
  const refuse = (reason: string): never => {
    throw invalidAssertion(reason);
  };
  const decoded = (assertion: string) => {
    try {
      return { header: decodeProtectedHeader(assertion), claims: decodeJwt(assertion) };
    } catch {
      return refuse('is no JWT');
    }
  };
  /** @param audiences what this server is called by. */
  return async (assertion: string, client: Asserting, audiences: ReadonlySet<string>): Promise<Assertion> => {
    const { header, claims } = decoded(assertion);
    const { iss, sub, mayBeShared, source } =
      trustedFor(client, claims.iss, claims.sub) ??
      refuse('is of nobody whose assertions stand for this client (iss, sub)');
    // Other JWTs that a client may sign have types of their own (RFC 8725 section 3.11).
    if (header.typ !== undefined && header.typ.toUpperCase() !== 'JWT')
      refuse('is another kind of JWT (typ)');
    const {
      exp = 0,
      iat,
      jti,
    } = await keys
      .verify(assertion, source, {
        issuer: iss,
        subject: sub,
        algorithms: ALGORITHMS,
        requiredClaims: ['aud', 'exp', 'jti'],
        clockTolerance: TOLERANCE,
        currentDate: new Date(now() * 1000),
      })
      .catch(() => refuse('is not signed with a known key, or has expired'));
    const named = [claims.aud ?? []].flat();
    if (!named.some((audience) => audiences.has(audience))) refuse(`is not for ${issuer} (aud)`);
    if (named.length > 1 && !mayBeShared) refuse(`is not for ${issuer} alone (aud)`);
    if (!endsInTime(exp, now())) refuse(`ends more than ${LONGEST} seconds from now (exp)`);
    if (iat !== undefined && iat > now() + TOLERANCE) refuse('is of the future (iat)');
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI)
      return refuse(`has no jti of 1 to ${MAX_JTI} characters`);
    return { iss, jti, rememberedUntil: Math.ceil(exp) + TOLERANCE + 1 };
  };
}
