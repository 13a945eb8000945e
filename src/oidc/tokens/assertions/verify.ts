import { decodeJwt, decodeProtectedHeader } from 'jose';
import { errors } from 'oidc-provider';
import type { ExtraClientProperties } from '../../clients/metadata.ts';
import type { AssertionKeys, KeySource } from './keys.ts';

/** Asymmetric ones alone: no secret of ours or of a client's signs, and neither does nobody (RFC 8725 section 3.1). */
const ALGORITHMS = ['ES256', 'EdDSA', 'PS256', 'RS256'];

/** Seconds that clocks may differ by. */
const TOLERANCE = 5;

/** Seconds from now that an assertion may end at most: a client makes one for each request; another issuer may not. */
const LONGEST = { own: 600, others: 3_600 };

const MAX_JTI = 255;

/** A client, as far as assertions are concerned. */
export type Asserting = ExtraClientProperties & { clientId: string } & KeySource;

/** A verified assertion: good, if it was not used before. */
export interface Assertion {
  iss: string;
  jti: string;
  /** Until when it has to be remembered, in seconds since the epoch. */
  rememberedUntil: number;
}

/** invalid_grant that says why: whoever signs assertions has to find out what is wrong with them. */
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
  longest: number;
  source: KeySource;
}

/** Whom an assertion claims to be of, if that is somebody whose assertions stand for the client. */
function trustedFor(client: Asserting, iss: unknown, sub: unknown): Trusted | undefined {
  const { clientId, assertion_issuers: others = [] } = client;
  if (iss === clientId && sub === clientId)
    return { iss: clientId, sub: clientId, longest: LONGEST.own, source: client };
  const other = others.find(({ issuer, subject }) => issuer === iss && subject === sub);
  if (!other) return undefined;
  const source = 'jwks' in other ? { jwks: other.jwks } : { jwksUri: other.jwks_uri };
  return { iss: other.issuer, sub: other.subject, longest: LONGEST.others, source };
}

/**
 * Makes the check of assertions (RFC 7523 section 3): `aud` is this issuer and nobody else besides, `exp` is near, `jti`
 * is there. It throws invalid_grant, which says what is wrong.
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
  return async (assertion: string, client: Asserting): Promise<Assertion> => {
    const { header, claims } = decoded(assertion);
    const { iss, sub, longest, source } =
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
    const [audience, ...others] = [claims.aud].flat();
    if (audience !== issuer || others.length > 0) refuse(`is not for ${issuer} alone (aud)`);
    if (exp > now() + longest + TOLERANCE) refuse(`ends more than ${longest} seconds from now (exp)`);
    if (iat !== undefined && iat > now() + TOLERANCE) refuse('is of the future (iat)');
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI)
      return refuse(`has no jti of 1 to ${MAX_JTI} characters`);
    return { iss, jti, rememberedUntil: Math.ceil(exp) + TOLERANCE + 1 };
  };
}
