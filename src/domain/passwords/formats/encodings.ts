import { malformed } from './limits.ts';

const ITOA64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BCRYPT64 = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * Hexadecimal digits of any case.
 * @throws HashRefused hash_malformed.
 */
export function hex(text: string): Buffer {
  if (text.length % 2 !== 0 || !/^[\da-f]*$/i.test(text)) return malformed('not hexadecimal');
  return Buffer.from(text, 'hex');
}

/** The padding of base64: required, absent or optional. */
type Padding = 'padded' | 'bare' | 'any';

/**
 * Strict base64: rejects bits that decoding would drop, which Node's own decoder ignores.
 * @param others the characters for 62 and 63, if not `+/`.
 * @throws HashRefused hash_malformed.
 */
export function base64(text: string, padding: Padding = 'padded', others: '+/' | '-_' | './' = '+/'): Buffer {
  const bare = text.replace(/={1,2}$/, '');
  const standard =
    others === '+/' ? bare : bare.replaceAll(/[+/\-_.]/g, (sign) => BASE64[62 + others.indexOf(sign)] ?? '?');
  const bytes = Buffer.from(standard, 'base64');
  const canonical = bytes.toString('base64');
  const isPadded = standard + text.slice(bare.length) === canonical;
  const isBare = text === bare && standard === canonical.replace(/=+$/, '');
  if (!(isPadded && padding !== 'bare') && !(isBare && padding !== 'padded'))
    return malformed('not canonical base64');
  return bytes;
}

/** Base64 or base64url, whichever the text is. @throws HashRefused hash_malformed. */
export const anyBase64 = (text: string): Buffer => base64(text, 'any', /[-_]/.test(text) ? '-_' : '+/');

/** Passlib's base64: no padding, `.` for `+`; OpenLDAP's modules read either. @throws HashRefused hash_malformed. */
export const ab64 = (text: string): Buffer => base64(text.replaceAll('.', '+'), 'bare');

/** The base64 of bcrypt: an alphabet of its own. @throws HashRefused hash_malformed. */
export const bcrypt64 = (text: string): Buffer =>
  base64(
    text.replaceAll(
      /[^]/g,
      (sign) => BASE64[BCRYPT64.indexOf(sign)] ?? malformed('not the base64 of bcrypt'),
    ),
    'bare',
  );

/** The value of a character in crypt(3)'s alphabet, or -1. */
export const itoa64 = (sign: string): number => ITOA64.indexOf(sign);

/**
 * What crypt(3) and phpass write: groups of four characters for three bytes, the lowest six bits first.
 * @returns the bytes, the last of them with those of its bits that the text holds.
 * @throws HashRefused hash_malformed.
 */
export function littleEndian64(text: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 4) {
    const signs = text.slice(at, at + 4).split('');
    const group = signs.reduce((sum, sign, index) => {
      const value = itoa64(sign);
      return value === -1 ? malformed('not the base64 of crypt(3)') : sum + value * 64 ** index;
    }, 0);
    for (let bits = 0; bits < signs.length * 6; bits += 8) bytes.push((group >>> bits) & 255);
  }
  return Buffer.from(bytes);
}

/** Bytes in the encoding that a parameter or field names. @throws HashRefused hash_malformed. */
export function decode(text: string, encoding: string): Buffer {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text, 'utf8');
    case 'hex':
      return hex(text);
    case 'base64':
      return base64(text);
    case 'base64url':
      return base64(text, 'any', '-_');
    default:
      return malformed(`unknown encoding ${JSON.stringify(encoding)}: utf8, hex, base64 or base64url`);
  }
}
