import { createHmac, hash } from 'node:crypto';
import { malformed } from './limits.ts';

/** Digests used by hashes: bytes of the digest, bytes of a block (HMAC, RFC 2104). */
export const DIGESTS = {
  md4: { size: 16, block: 64 },
  md5: { size: 16, block: 64 },
  sha1: { size: 20, block: 64 },
  sha224: { size: 28, block: 64 },
  sha256: { size: 32, block: 64 },
  sha384: { size: 48, block: 128 },
  sha512: { size: 64, block: 128 },
  ripemd160: { size: 20, block: 64 },
  whirlpool: { size: 64, block: 64 },
} as const;

export type Algorithm = keyof typeof DIGESTS;

/**
 * The digest that a name means: `SHA-256`, `sha256`, `SHA_256` are one.
 * @throws HashRefused hash_malformed.
 */
export function algorithm(name: unknown): Algorithm {
  const plain = typeof name === 'string' ? name.toLowerCase().replaceAll(/[-_]/g, '') : '';
  const known = plain === 'ripemd' || plain === 'rmd160' ? 'ripemd160' : plain;
  return Object.hasOwn(DIGESTS, known)
    ? (known as Algorithm)
    : malformed(`unknown algorithm ${JSON.stringify(name)}: ${Object.keys(DIGESTS).join(', ')}`);
}

/** A digest of one message. */
export type Digest = (message: Uint8Array) => Buffer;

/** A digest that OpenSSL 3 no longer has. */
async function fromWasm(name: 'md4' | 'whirlpool'): Promise<Digest> {
  const { createMD4, createWhirlpool } = await import('hash-wasm');
  const hasher = await (name === 'md4' ? createMD4() : createWhirlpool());
  return (message) => Buffer.from(hasher.init().update(message).digest('binary'));
}

const isNative = (name: Algorithm): name is Exclude<Algorithm, 'md4' | 'whirlpool'> =>
  name !== 'md4' && name !== 'whirlpool';

export const digest = async (name: Algorithm): Promise<Digest> =>
  isNative(name) ? (message) => hash(name, message, 'buffer') : fromWasm(name);

/** HMAC (RFC 2104) under `key`. */
export async function hmac(name: Algorithm, key: Uint8Array): Promise<Digest> {
  if (isNative(name)) return (message) => createHmac(name, key).update(message).digest();
  const plain = await fromWasm(name);
  const padded = Buffer.alloc(DIGESTS[name].block);
  padded.set(key.length > padded.length ? plain(key) : key);
  const inner = padded.map((byte) => byte ^ 0x36);
  const outer = padded.map((byte) => byte ^ 0x5c);
  return (message) => plain(Buffer.concat([outer, plain(Buffer.concat([inner, message]))]));
}

/** PBKDF2 (RFC 8018 section 5.2). Blocks the thread. */
export async function pbkdf2(
  name: Algorithm,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Buffer> {
  if (isNative(name)) {
    const { pbkdf2Sync } = await import('node:crypto');
    return pbkdf2Sync(password, salt, iterations, length, name);
  }
  const prf = await hmac(name, password);
  const blocks = Array.from({ length: Math.ceil(length / DIGESTS[name].size) }, (_, index) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(index + 1);
    let next = prf(Buffer.concat([salt, counter]));
    const block = Buffer.from(next);
    for (let round = 1; round < iterations; round += 1) {
      next = prf(next);
      for (let at = 0; at < block.length; at += 1) block[at] = (block[at] as number) ^ (next[at] as number);
    }
    return block;
  });
  return Buffer.concat(blocks).subarray(0, length);
}
