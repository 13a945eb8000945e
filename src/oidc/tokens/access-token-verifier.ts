import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
} from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import { sha256 } from '../../core/ids.ts';
import { SIGNING_ALGS } from '../../core/tokens.ts';
import type { MarkedToken } from '../../storage/revocation.ts';

/** The claims of a JWT access token (RFC 9068), and `gid`: the grant it was issued under. */
export interface AccessTokenClaims extends JWTPayload {
  iss: string;
  sub: string;
  client_id: string;
  jti: string;
  iat: number;
  exp: number;
  aud: string | string[];
  scope?: string;
  gid?: string;
  /** The delegations behind it, each to an agent that a person can end. */
  delegations?: string[];
}

/** The parts of a token that marks refer to. */
type MarkedClaims = Pick<AccessTokenClaims, 'delegations' | 'gid' | 'sub' | 'client_id' | 'jti'> & {
  act?: unknown;
};

/** What else a token ends with, if it was exchanged: delegations, and the client that is its subject. */
export function originsOf({
  delegations = [],
  gid,
  act,
  sub,
  client_id: clientId,
}: Omit<MarkedClaims, 'jti'>): NonNullable<MarkedToken['cameOf']> {
  const isOfClient = act !== undefined && gid === undefined && sub !== clientId;
  return [
    ...delegations.map((key) => ({ kind: 'grant', key }) as const),
    ...(isOfClient ? [{ kind: 'client', key: sub } as const] : []),
  ];
}

interface Dependencies {
  issuer: string;
  clock: Clock;
  /** Whether tokens with this audience have the `typ` `JWT` instead of `at+jwt`. */
  hasPlainType(audience: string): boolean;
  isRevoked(token: MarkedToken): Promise<boolean>;
}

/** Signatures checked recently, by the token's hash: an API gateway presents the same token many times. */
const MAX_REMEMBERED = 10_000;

/** Verifies the provider's own JWT access tokens with keys in the process and the revocation marks. */
export class AccessTokenVerifier {
  readonly #deps: Dependencies;
  #keys: ReturnType<typeof createLocalJWKSet> = createLocalJWKSet({ keys: [] });
  #verified = new LRUCache<string, AccessTokenClaims>({ max: MAX_REMEMBERED });

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Replaces the published keys and drops cached results of removed ones. */
  useKeys(keys: JWK[]): void {
    this.#keys = createLocalJWKSet({ keys });
    this.#verified.clear();
  }

  /**
   * @returns the claims of a token of this issuer that has neither expired nor been revoked; else null.
   */
  async verify(token: string): Promise<AccessTokenClaims | null> {
    const claims = await this.#checkSignature(token);
    if (!claims || claims.exp * 1000 <= this.#deps.clock.now()) return null;
    return (await this.hasEnded(claims)) ? null : claims;
  }

  /** Whether a token of any format was revoked: by itself or with what it was issued under or derived from. */
  hasEnded(claims: MarkedClaims): Promise<boolean> {
    return this.#deps.isRevoked({
      jti: claims.jti,
      clientId: claims.client_id,
      ...(claims.gid === undefined ? {} : { grantId: claims.gid }),
      cameOf: originsOf(claims),
    });
  }

  /** The same for bearer tokens only; one bound to a key or a certificate is not accepted alone. */
  async verifyBearer(token: string): Promise<AccessTokenClaims | null> {
    const claims = await this.verify(token);
    return claims?.['cnf'] === undefined ? claims : null;
  }

  /** Whether it is a token of ours that has only expired. */
  async hasExpired(token: string): Promise<boolean> {
    const claims = await this.#checkSignature(token);
    return claims !== null && claims.exp * 1000 <= this.#deps.clock.now();
  }

  /** The claims of a token of this issuer, even an expired one. */
  async #checkSignature(token: string): Promise<AccessTokenClaims | null> {
    const hash = sha256(token);
    const known = this.#verified.get(hash);
    if (known) return known;
    try {
      const { payload, protectedHeader } = await jwtVerify<AccessTokenClaims>(token, this.#keys, {
        issuer: this.#deps.issuer,
        algorithms: [...SIGNING_ALGS],
        requiredClaims: ['sub', 'client_id', 'jti', 'iat', 'exp', 'aud'],
        // `verify` compares the expiry, on every call.
        currentDate: new Date(0),
      });
      if (!this.#isAccessToken(protectedHeader, payload)) return null;
      this.#verified.set(hash, payload);
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  /** Tells an access token from our other JWTs, by `typ` (RFC 8725 section 3.11). */
  #isAccessToken({ typ }: JWTHeaderParameters, { aud }: AccessTokenClaims): boolean {
    if (typ === 'at+jwt') return true;
    return typ === 'JWT' && typeof aud === 'string' && this.#deps.hasPlainType(aud);
  }
}
