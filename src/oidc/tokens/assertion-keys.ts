import {
  createLocalJWKSet,
  type CryptoKey,
  createRemoteJWKSet,
  customFetch,
  errors as joseErrors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';
import { LRUCache } from 'lru-cache';
import { errors } from 'oidc-provider';
import type { OutboundFetch } from '../outbound/fetch.ts';

/** The signer's keys: by value, or at a URL. */
export interface KeySource {
  jwks?: JSONWebKeySet | undefined;
  jwksUri?: string | undefined;
}

/** Addresses whose keys are kept in one process. */
const MAX_REMEMBERED = 1_000;

/**
 * Verifies signatures with registered keys only; ignores keys in headers (`jku`, `x5u`, `jwk`, RFC 7515 section 4.1).
 * Keys at a URL are fetched at most once in ten minutes, and twice a minute for an unknown `kid`.
 */
export class AssertionKeys {
  readonly #fetch: OutboundFetch;
  readonly #remote = new LRUCache<string, JWTVerifyGetKey>({ max: MAX_REMEMBERED });

  constructor(fetch: OutboundFetch) {
    this.#fetch = fetch;
  }

  /** @throws Error of `jose`, or why the keys could not be had. */
  async verify(jwt: string, source: KeySource, options: JWTVerifyOptions): Promise<JWTPayload> {
    return (await this.#verified(jwt, source, options)).payload;
  }

  /** The key that signed it, whatever its claims; undefined if none of these did. */
  async keyOf(
    jwt: string,
    source: KeySource,
    options: Pick<JWTVerifyOptions, 'algorithms'>,
  ): Promise<CryptoKey | undefined> {
    try {
      // Others check its times.
      return (await this.#verified(jwt, source, { ...options, currentDate: new Date(0) })).key;
    } catch {
      return undefined;
    }
  }

  async #verified(
    jwt: string,
    source: KeySource,
    options: JWTVerifyOptions,
  ): Promise<{ payload: JWTPayload; key: CryptoKey }> {
    try {
      // Keys of a JWK Set are public: asymmetric algorithms take no bytes.
      const { payload, key } = await jwtVerify(jwt, this.#keysOf(source), options);
      return { payload, key: key as CryptoKey };
    } catch (error) {
      if (!(error instanceof joseErrors.JWKSMultipleMatchingKeys)) throw error;
      // Without a `kid`, any of them may have signed.
      for await (const key of error) {
        const verified = await jwtVerify(jwt, key, options).catch((failure: unknown) => {
          if (failure instanceof joseErrors.JWSSignatureVerificationFailed) return undefined;
          throw failure;
        });
        if (verified) return { payload: verified.payload, key };
      }
      throw new joseErrors.JWSSignatureVerificationFailed();
    }
  }

  #keysOf({ jwks, jwksUri }: KeySource): JWTVerifyGetKey {
    if (jwks) return createLocalJWKSet(jwks);
    if (jwksUri === undefined) throw new joseErrors.JWKSNoMatchingKey();
    const known = this.#remote.get(jwksUri);
    if (known) return known;
    const keys = createRemoteJWKSet(new URL(jwksUri), { [customFetch]: this.#fetch });
    this.#remote.set(jwksUri, keys);
    return keys;
  }
}

/** An invalid_grant that gives the reason, so that the signer can fix it. */
export const invalidAssertion = (reason: string) =>
  new errors.CustomOIDCProviderError('invalid_grant', `assertion ${reason}`);
