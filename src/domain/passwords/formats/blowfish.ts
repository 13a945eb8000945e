/** Words of the P array, and of each of the four S boxes. */
const P_WORDS = 18;
const S_WORDS = 1024;

/** The first `words` words of the fraction of pi, by Machin's formula: 16 atan(1/5) - 4 atan(1/239). */
function fractionOfPi(words: number): Int32Array {
  const guard = 64n;
  const one = 1n << (BigInt(words * 32) + guard);
  const atanOfInverse = (x: bigint): bigint => {
    let term = one / x;
    let sum = term;
    for (let divisor = 3n, sign = -1n; term > 0n; divisor += 2n, sign = -sign) {
      term /= x * x;
      sum += (sign * term) / divisor;
    }
    return sum;
  };
  const pi = 16n * atanOfInverse(5n) - 4n * atanOfInverse(239n);
  const digits = (pi - 3n * one) >> guard;
  const bytes = Buffer.from(digits.toString(16).padStart(words * 8, '0'), 'hex');
  return Int32Array.from({ length: words }, (_, index) => bytes.readInt32BE(index * 4));
}

let boxes: Int32Array | undefined;

/** The words of a cyclic key, as the key schedule reads them. */
function keyWords(key: Uint8Array, signed: boolean): Int32Array {
  const words = new Int32Array(P_WORDS);
  let at = 0;
  for (let index = 0; index < P_WORDS; index += 1) {
    let word = 0;
    for (let byte = 0; byte < 4; byte += 1) {
      const value = key[at] as number;
      word = (word << 8) | (signed ? (value << 24) >> 24 : value);
      at = (at + 1) % key.length;
    }
    words[index] = word;
  }
  return words;
}

/**
 * The output of bcrypt (Provos and Mazières, 1999): 24 bytes, of which a hash string keeps 23.
 * @param key at most 72 bytes, NUL at its end if it is shorter.
 * @param salt 16 bytes.
 * @param cost base-2 logarithm.
 * @param signed reads bytes from 0x80 with their sign, as PHP did before 5.3.7 (`$2x$`).
 */
export function eksblowfish(key: Uint8Array, salt: Buffer, cost: number, signed: boolean): Buffer {
  boxes ??= fractionOfPi(P_WORDS + S_WORDS);
  const p = boxes.slice(0, P_WORDS);
  const s = boxes.slice(P_WORDS);
  const words = keyWords(key, signed);
  const saltWords = Int32Array.from({ length: 4 }, (_, index) => salt.readInt32BE(index * 4));
  const block = new Int32Array(2);

  const encipher = (left: number, right: number) => {
    let l = left ^ (p[0] as number);
    let r = right;
    for (let round = 1; round < 17; round += 2) {
      r ^=
        ((((s[l >>> 24] as number) + (s[256 | ((l >>> 16) & 255)] as number)) ^
          (s[512 | ((l >>> 8) & 255)] as number)) +
          (s[768 | (l & 255)] as number)) ^
        (p[round] as number);
      l ^=
        ((((s[r >>> 24] as number) + (s[256 | ((r >>> 16) & 255)] as number)) ^
          (s[512 | ((r >>> 8) & 255)] as number)) +
          (s[768 | (r & 255)] as number)) ^
        (p[round + 1] as number);
    }
    block[0] = r ^ (p[17] as number);
    block[1] = l;
  };

  /** Fills the boxes by repeatedly enciphering the previous output. */
  const schedule = (mixed: Int32Array | null) => {
    let l = 0;
    let r = 0;
    let at = 0;
    for (const target of [p, s]) {
      for (let index = 0; index < target.length; index += 2) {
        if (mixed) {
          l ^= mixed[at] as number;
          r ^= mixed[at + 1] as number;
          at ^= 2;
        }
        encipher(l, r);
        l = block[0] as number;
        r = block[1] as number;
        target[index] = l;
        target[index + 1] = r;
      }
    }
  };
  const addToP = (key32: Int32Array) => {
    for (let index = 0; index < P_WORDS; index += 1)
      p[index] = (p[index] as number) ^ (key32[index % key32.length] as number);
  };

  addToP(words);
  schedule(saltWords);
  for (let round = 2 ** cost; round > 0; round -= 1) {
    addToP(words);
    schedule(null);
    addToP(saltWords);
    schedule(null);
  }
  const text = Buffer.from('OrpheanBeholderScryDoubt');
  for (let at = 0; at < text.length; at += 8) {
    let l = text.readInt32BE(at);
    let r = text.readInt32BE(at + 4);
    for (let round = 0; round < 64; round += 1) {
      encipher(l, r);
      l = block[0] as number;
      r = block[1] as number;
    }
    text.writeInt32BE(l, at);
    text.writeInt32BE(r, at + 4);
  }
  return text;
}
