import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  type SignKeyObjectInput,
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
const WAYS: Record<SigningAlg, { digest: 'sha256' | null; options: SigningOptions; isSlow: boolean }> = {
  RS256: { digest: 'sha256', options: {}, isSlow: true },
  PS256: {
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    isSlow: true,
  },
  // Raw r and s, concatenated instead of DER.
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' }, isSlow: false },
  EdDSA: { digest: null, options: {}, isSlow: false },
};

/**
 * A private key of ours as oidc-provider signs with it (RFC 7515 section 5.1). To hand an elliptic curve's signature to
 * a thread costs as much as the signature, and there it waits behind the hashing of passwords: it is made at once. RSA's
 * takes many times as long, so a thread makes it.
 */
export class SigningKey extends ExternalSigningKey {
  readonly #jwk: JWK;
  readonly #way: (typeof WAYS)[SigningAlg];
  readonly #key: SignKeyObjectInput;
  readonly #clock: Pick<SharedClock, 'isAstray'>;

  /** @param jwk with `kid`, and one of our algorithms as its `alg`. */
  constructor(jwk: JWK, clock: Pick<SharedClock, 'isAstray'>) {
    super();
    this.#clock = clock;
    this.#jwk = jwk;
    this.#way = WAYS[jwk.alg as SigningAlg];
    this.#key = { key: createPrivateKey({ format: 'jwk', key: jwk }), ...this.#way.options };
  }

  override get kid(): string | undefined {
    return this.#jwk.kid;
  }

  override get alg(): string | undefined {
    return this.#jwk.alg;
  }

  /** The public half. */
  override keyObject(): KeyObject {
    return createPublicKey(this.#key.key);
  }

  /** @throws DomainError unavailable while this machine's clock is too far off: what is signed says when. */
  override async sign(data: Uint8Array): Promise<Uint8Array> {
    if (await this.#clock.isAstray()) throw new DomainError('unavailable');
    const { digest, isSlow } = this.#way;
    return isSlow ? signOnThread(digest, data, this.#key) : sign(digest, data, this.#key);
  }
}
