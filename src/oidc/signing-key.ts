import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  type SigningOptions,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { JWK } from 'jose';
import { ExternalSigningKey } from 'oidc-provider';
import type { SharedClock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import type { SigningAlg } from '../core/tokens.ts';

const signOnThread = promisify(sign);

/** How each algorithm signs: RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1. */
const WAYS: Record<SigningAlg, { digest: 'sha256' | null; options?: SigningOptions; isSlow: boolean }> = {
  RS256: { digest: 'sha256', isSlow: true },
  PS256: {
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    isSlow: true,
  },
  ES256: { digest: 'sha256', isSlow: false },
  EdDSA: { digest: null, isSlow: false },
};

/** Bytes of each of the two numbers of a P-256 signature. */
const HALF = 32;

/**
 * `r` and `s` concatenated as in JWS (RFC 7518 section 3.4), from a DER signature (RFC 3279 section 2.2.3). Node's `dsaEncoding`
 * option would do it, but with options Node throws and catches two exceptions per signature, at twice the cost of signing.
 */
function concatenated(der: Uint8Array): Uint8Array {
  const raw = new Uint8Array(2 * HALF);
  // SEQUENCE with its length, then each number as INTEGER, its length and its big-endian bytes, padded or without leading zeros.
  let at = 2;
  for (const end of [HALF, 2 * HALF]) {
    const length = der[at + 1] ?? 0;
    const from = at + 2 + Math.max(0, length - HALF);
    at += 2 + length;
    raw.set(der.subarray(from, at), end - (at - from));
  }
  return raw;
}

/**
 * One of our private keys, as oidc-provider signs with it (RFC 7515 section 5.1). Handing an elliptic curve signature to a
 * thread costs as much as the signature, and it would queue behind password hashing: it is made at once. RSA takes many times as
 * long, so a thread does it.
 */
export class SigningKey extends ExternalSigningKey {
  readonly #jwk: JWK;
  readonly #way: (typeof WAYS)[SigningAlg];
  readonly #key: KeyObject;
  readonly #clock: Pick<SharedClock, 'isAstray'>;

  /** @param jwk with `kid`, and one of our algorithms as its `alg`. */
  constructor(jwk: JWK, clock: Pick<SharedClock, 'isAstray'>) {
    super();
    this.#clock = clock;
    this.#jwk = jwk;
    this.#way = WAYS[jwk.alg as SigningAlg];
    this.#key = createPrivateKey({ format: 'jwk', key: jwk });
  }

  override get kid(): string | undefined {
    return this.#jwk.kid;
  }

  override get alg(): string | undefined {
    return this.#jwk.alg;
  }

  /** The public half. */
  override keyObject(): KeyObject {
    return createPublicKey(this.#key);
  }

  /** @throws DomainError unavailable while this machine's clock is too far off: signed statements contain the time. */
  override async sign(data: Uint8Array): Promise<Uint8Array> {
    if (await this.#clock.isAstray()) throw new DomainError('unavailable');
    const { digest, options, isSlow } = this.#way;
    if (isSlow) return signOnThread(digest, data, options ? { key: this.#key, ...options } : this.#key);
    const signature = sign(digest, data, this.#key);
    return this.#jwk.alg === 'ES256' ? concatenated(signature) : signature;
  }
}
