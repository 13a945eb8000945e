import { calculateJwkThumbprint, EmbeddedJWK, errors, jwtVerify, type JWTPayload } from 'jose';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import { DomainError } from '../../core/errors.ts';
import { isUuid, sha256 } from '../../core/ids.ts';
import type { LiveProvider } from '../live-provider.ts';
import type { AccessTokenClaims, AccessTokenVerifier } from './access-token-verifier.ts';
import { viewOf } from '../sessions/viewing.ts';
import { ENABLED_JWA } from './lifetimes.ts';

/** The accepted signature algorithms of a DPoP proof (RFC 9449). */
export const DPOP_ALGS: readonly string[] = ENABLED_JWA.dPoPSigningAlgValues;

/** An access token as presented. */
export interface PresentedToken {
  scheme: 'Bearer' | 'DPoP';
  token: string;
  /** The DPoP header; undefined without one. */
  proof: string | undefined;
  method: string;
  /** The address of the request without its query. */
  url: string;
}

interface Dependencies {
  verifier: Pick<AccessTokenVerifier, 'verify'>;
  live: LiveProvider;
  clock: Clock;
  /** The API's identifier. */
  audience: string;
}

/** Seconds that a proof is accepted, before and after the time it states. */
const WINDOW = 60;

/** Access tokens at an API of our own (RFC 6750, RFC 9449, RFC 9068). */
export class ApiTokens {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  get audience(): string {
    return this.#deps.audience;
  }

  /**
   * The claims of a token that is valid for the API. A key-bound token needs its DPoP proof; one bound to a certificate (RFC
   * 8705) is refused, because no certificate is available here.
   * @throws DomainError invalid_token, invalid_dpop_proof.
   */
  async verify(presented: PresentedToken): Promise<AccessTokenClaims> {
    const claims = await this.#deps.verifier.verify(presented.token);
    if (!claims || ![claims.aud].flat().includes(this.audience)) throw new DomainError('invalid_token');
    // A disabled client is not found.
    if (!(await this.#deps.live.current.Client.find(claims.client_id)))
      throw new DomainError('invalid_token');
    const bound = claims['cnf'] as { jkt?: string } | undefined;
    if (bound === undefined && presented.scheme === 'Bearer') return claims;
    if (bound?.jkt === undefined || presented.scheme !== 'DPoP')
      throw new DomainError('invalid_token', { reason: 'binding' });
    await this.#checkProof(presented, bound.jkt, claims.client_id);
    return claims;
  }

  /**
   * Finds the account of a token, whatever kind of subject its client uses (`subject_type`, `subject_source`); null when
   * unknown.
   */
  async accountOf({ sub, gid, client_id: clientId }: AccessTokenClaims): Promise<string | null> {
    const { Client, Grant } = this.#deps.live.current;
    const client = await Client.find(clientId);
    if (client?.subjectType !== 'pairwise' && isUuid(sub)) return sub;
    const grant = gid === undefined ? undefined : await Grant.find(gid);
    return grant?.accountId ?? null;
  }

  /**
   * Whether a token, or the one it was exchanged from, is of an operator who views as its account.
   * @throws DomainError invalid_token once the view is over.
   */
  async isView({ gid, ...claims }: AccessTokenClaims): Promise<boolean> {
    if (claims['act'] === undefined || gid === undefined) return false;
    const grant = await this.#deps.live.current.Grant.find(gid);
    if (!grant) throw new DomainError('invalid_token');
    return viewOf(grant) !== undefined;
  }

  /** RFC 9449 section 4.3. */
  async #checkProof({ token, proof, method, url }: PresentedToken, jkt: string, clientId: string) {
    const { payload, thumbprint } = await open(proof);
    const { jti, iat, htm, htu, ath } = payload;
    const now = epochSeconds(this.#deps.clock);
    const isGood =
      thumbprint === jkt &&
      typeof jti === 'string' &&
      typeof iat === 'number' &&
      Math.abs(now - iat) <= WINDOW &&
      htm === method &&
      typeof htu === 'string' &&
      withoutQuery(htu) === url &&
      ath === sha256(token);
    if (!isGood) throw new DomainError('invalid_dpop_proof');
    const { ReplayDetection } = this.#deps.live.current;
    // Remember it for as long as the proof could be replayed.
    if (!(await ReplayDetection.unique(clientId, jti, iat + 2 * WINDOW)))
      throw new DomainError('invalid_dpop_proof', { reason: 'replayed' });
  }
}

async function open(proof = ''): Promise<{ payload: JWTPayload; thumbprint: string }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...DPOP_ALGS],
    });
    return { payload, thumbprint: await calculateJwkThumbprint(protectedHeader.jwk ?? {}) };
  } catch (error) {
    if (!(error instanceof errors.JOSEError) && !(error instanceof TypeError)) throw error;
    throw new DomainError('invalid_dpop_proof', {}, { cause: error });
  }
}

function withoutQuery(address: string): string | undefined {
  const url = URL.parse(address);
  return url ? `${url.origin}${url.pathname}` : undefined;
}
