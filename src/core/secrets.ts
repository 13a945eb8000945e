import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const VERSION = 1;

/**
 * Everything derived from SECRETS_KEY. Each purpose has its own key (HKDF-SHA-256, RFC 5869), so that a value sealed
 * for one purpose cannot be opened for another.
 */
export class Secrets {
  readonly #master: string;
  readonly #keys = new Map<string, KeyObject>();

  /** @param master the value of SECRETS_KEY: at least 32 characters of randomness. */
  constructor(master: string) {
    this.#master = master;
  }

  /**
   * The 32-byte key for `purpose` as a KeyObject. Node parses raw bytes at every use, at four times the cost of an
   * HMAC.
   */
  keyObject(purpose: string): KeyObject {
    let key = this.#keys.get(purpose);
    if (!key) {
      key = createSecretKey(Buffer.from(hkdfSync('sha256', this.#master, 'postern', purpose, 32)));
      this.#keys.set(purpose, key);
    }
    return key;
  }

  /** The 32-byte key for `purpose`. */
  key(purpose: string): Buffer {
    return this.keyObject(purpose).export();
  }

  /** Encrypts `plaintext` at rest (AES-256-GCM) for `purpose`: version, nonce, tag, ciphertext. */
  seal(purpose: string, plaintext: string): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv(ALGORITHM, this.keyObject(purpose), nonce);
    const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body]);
  }

  /** Decrypts the output of `seal`. Throws for another key or changed bytes. */
  open(purpose: string, sealed: Buffer): string {
    if (sealed[0] !== VERSION) throw new Error('sealed with an unknown version');
    const decipher = createDecipheriv(ALGORITHM, this.keyObject(purpose), sealed.subarray(1, 13));
    decipher.setAuthTag(sealed.subarray(13, 29));
    return decipher.update(sealed.subarray(29), undefined, 'utf8') + decipher.final('utf8');
  }

  /** HMAC-SHA-256 of `value` under the key for `purpose`, as base64url. */
  mac(purpose: string, value: string): string {
    return createHmac('sha256', this.keyObject(purpose)).update(value).digest('base64url');
  }
}

/** Compares two strings in time that depends only on their lengths. */
export function constantTimeEqual(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
