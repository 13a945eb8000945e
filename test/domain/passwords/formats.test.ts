import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { HashRefused } from '../../../src/domain/passwords/formats/limits.ts';
import {
  asForeign,
  type ForeignHash,
  readStored,
  takeHash,
} from '../../../src/domain/passwords/formats/stored.ts';
import { verifyReadings } from '../../../src/domain/passwords/formats/verify.ts';
import { isWeak } from '../../../src/domain/passwords/formats/weak.ts';

interface Vector extends ForeignHash {
  password: string;
  /** The tool that made it. */
  tool: string;
}

const vectorsOf = (file: string) =>
  JSON.parse(readFileSync(new URL(`vectors/${file}`, import.meta.url), 'utf8')) as Vector[];
const vectors = [...vectorsOf('tools.json'), ...vectorsOf('made.json')];

/** Whether the hash, once stored, verifies the password. */
async function verifies(given: ForeignHash, password: string): Promise<boolean> {
  const taken = takeHash(given);
  const { readings } = readStored(taken.stored(taken.secrets ? 'its-id' : null));
  return verifyReadings(readings, password, taken.secrets ?? {});
}

/** A hash, its format and its parameters. */
type Row = [string, string?, object?];

/** The reason why a hash is refused, or `taken`. */
function refusal(hash: string, format?: string, params?: object): string {
  try {
    takeHash({ hash, format, params: params as ForeignHash['params'] });
    return 'taken';
  } catch (error) {
    if (error instanceof HashRefused) return error.code;
    throw error;
  }
}

/** Slow hashes are tried only once, by their own tests. */
const isSlow = ({ hash }: Vector) =>
  /\$shiro1\$|\$1000000\$|^bcrypt\$|^scrypt\$16384|^scrypt:32768|\$10\$|^\{(scrypt|pbkdf2)|i=100000|^\$f\w*scrypt|ln=16384|m=102400|^ba313d/.test(
    hash,
  );

test.each(vectors.map((vector) => [vector.tool, vector.hash.slice(0, 40), vector] as const))(
  'a hash of %s verifies: %s',
  async (_tool, _hash, vector) => {
    const { password, ...given } = vector;
    expect(await verifies(given, password)).toBe(true);
    if (!isSlow(vector)) expect(await verifies(given, `x${password}`)).toBe(false);
  },
);

test.each(
  vectors.filter((vector) => !isSlow(vector)).map((vector) => [vector.hash.slice(0, 60), vector] as const),
)('an altered hash is refused or does not verify: %s', async (_hash, { password, tool: _tool, ...given }) => {
  const { hash } = given;
  const at = Math.floor(hash.length * 0.7);
  const last = hash.replace(/=*$/, '').length - 1;
  for (const place of [at, last]) {
    const other = hash[place] === 'a' ? 'b' : 'a';
    const changed = { ...given, hash: `${hash.slice(0, place)}${other}${hash.slice(place + 1)}` };
    // In hexadecimal, upper and lower case are the same digest.
    if (changed.hash.toLowerCase() === hash.toLowerCase()) continue;
    const verified = await verifies(changed, password).catch((error: unknown) => {
      expect(error).toBeInstanceOf(HashRefused);
      return false;
    });
    expect([changed.hash, verified]).toEqual([changed.hash, false]);
  }
  for (const cut of [hash.slice(0, -1), hash.slice(0, -4), `${hash}a`, `${hash}aaaa`, `${hash}=`]) {
    const verified = await verifies({ ...given, hash: cut }, password).catch((error: unknown) => {
      expect(error).toBeInstanceOf(HashRefused);
      return false;
    });
    expect([cut, verified]).toEqual([cut, false]);
  }
});

test('a stored hash can be exported as it was imported', () => {
  for (const { password: _password, tool: _tool, ...given } of vectors) {
    const taken = takeHash(given);
    const stored = taken.stored(taken.secrets ? 'its-id' : null);
    const again = takeHash(asForeign(stored, taken.secrets ?? {}));
    expect(again.stored(again.secrets ? 'its-id' : null)).toBe(stored);
    expect(again.secrets).toEqual(taken.secrets);
    // No key, pepper or signer key in the row.
    for (const bytes of Object.values(taken.secrets ?? {})) {
      expect(stored).not.toContain(bytes.toString('base64'));
      expect(stored).not.toContain(bytes.toString('utf8'));
    }
  }
});

describe('a foreign hash is refused', () => {
  const b64 = (bytes: number) => 'A'.repeat(Math.ceil((bytes * 4) / 3));
  const aspNet = (iterations: number, salt = 16) => {
    const head = Buffer.alloc(13);
    head[0] = 1;
    head.writeUInt32BE(1, 1);
    head.writeUInt32BE(iterations, 5);
    head.writeUInt32BE(salt, 9);
    return Buffer.concat([head, Buffer.alloc(16 + 32)]).toString('base64');
  };

  test.each<Row>([
    [`$2b$16$${'A'.repeat(21)}.${'A'.repeat(30)}.`],
    [`$2b$31$${'A'.repeat(21)}.${'A'.repeat(30)}.`],
    [`$argon2id$v=19$m=262145,t=1,p=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=4294967295,t=1,p=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=1024,t=21,p=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=1024,t=1,p=17$${b64(16)}$${b64(32)}`],
    [`$scrypt$ln=19,r=8,p=1$${b64(16)}$${b64(32)}`],
    [`$scrypt$ln=63,r=8,p=1$${b64(16)}$${b64(32)}`],
    [`$scrypt$ln=14,r=8,p=17$${b64(16)}$${b64(32)}`],
    [`scrypt:2147483648:8:1$salt$${'0'.repeat(128)}`],
    [`$pbkdf2-sha256$10000001$${b64(16)}$${b64(32)}`],
    [`$pbkdf2-sha256$i=2147483648,l=32$${b64(16)}$${b64(32)}`],
    [`pbkdf2_sha256$2147483648$salt$${b64(32)}=`],
    [`pbkdf2:sha256:10000001$salt$${'0'.repeat(64)}`],
    [`$p5k2$7fffffff$${b64(16)}==$${b64(20)}=`],
    [`grub.pbkdf2.sha512.10000001.00.${'0'.repeat(128)}`],
    [`{PBKDF2}10000001$${b64(16)}$${b64(20)}`],
    [aspNet(10_000_001)],
    [aspNet(2 ** 32 - 1)],
    [`$5$rounds=5000001$salt$${'.'.repeat(43)}`],
    [`$6$rounds=999999999$salt$${'.'.repeat(86)}`],
    [`$P$L${'s'.repeat(8)}${'.'.repeat(22)}`],
    [`$S$S${'s'.repeat(8)}${'.'.repeat(43)}`],
    [`$shiro1$SHA-256$1000001$${b64(16)}==$${b64(32)}=`],
    ['0'.repeat(64), 'digest', { algorithm: 'sha256', iterations: 1_000_001 }],
    ['0'.repeat(64), 'pbkdf2', { algorithm: 'sha256', iterations: 2 ** 31, salt: 's' }],
    ['0'.repeat(64), 'scrypt', { cost: 2 ** 31, salt: 's' }],
    [`${b64(64)}==`, 'firebase_scrypt', { mem_cost: 30, rounds: 8, salt: 'AA==', signer_key: 'AAAA' }],
  ])('as too costly: %s', (...[hash, format, params]: Row) => {
    expect(refusal(hash, format, params)).toBe('hash_cost_too_high');
  });

  test.each<Row>([
    [`$2b$03$${'A'.repeat(21)}.${'A'.repeat(30)}.`],
    [`$2b$00$${'A'.repeat(21)}.${'A'.repeat(30)}.`],
    [`$2b$-1$${'A'.repeat(21)}.${'A'.repeat(30)}.`],
    [`$2b$10$${'A'.repeat(21)}.${'A'.repeat(29)}`],
    // Bits that decoding would drop.
    [`$2b$10$${'A'.repeat(22)}${'A'.repeat(30)}.`],
    [`$argon2id$v=19$m=1024,t=0,p=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=-1,t=1,p=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=7,t=1,p=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=18$m=1024,t=1,p=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=1024,t=1,p=1,m=4$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=1024,t=1$${b64(16)}$${b64(32)}`],
    [`$argon2id$v=19$m=1024,t=1,p=1$${b64(16)}$AAAA`],
    [`$scrypt$ln=0,r=8,p=1$${b64(16)}$${b64(32)}`],
    [`scrypt:1000:8:1$salt$${'0'.repeat(128)}`],
    [`scrypt:1024:8:1$salt$${'0'.repeat(64)}`],
    [`$pbkdf2-sha256$0$${b64(16)}$${b64(32)}`],
    [`$pbkdf2-sha256$-5$${b64(16)}$${b64(32)}`],
    [`$pbkdf2-sha256$1e3$${b64(16)}$${b64(32)}`],
    [`$pbkdf2-sha256$i=1000,l=64$${b64(16)}$${b64(32)}`],
    [`$pbkdf2-md6$1000$${b64(16)}$${b64(32)}`],
    [`pbkdf2_sha256$1000$salt$${b64(16)}==`],
    [`pbkdf2_sha256$NaN$salt$${b64(32)}=`],
    ['AAAA' + '='.repeat(3), 'aspnet'],
    [aspNet(0)],
    [aspNet(1000, 2 ** 31)],
    [`$5$rounds=999$salt$${'.'.repeat(43)}`],
    [`$5$rounds=-1$salt$${'.'.repeat(43)}`],
    [`$5$seventeencharacter$${'.'.repeat(43)}`],
    [`$5$salt$${'.'.repeat(42)}z`],
    [`$P$.${'s'.repeat(8)}${'.'.repeat(22)}`],
    [`$P$B${'s'.repeat(8)}${'.'.repeat(21)}z`],
    ['{SSHA}AAAA'],
    ['{SSHA}/G64VTGBDR-gwnuLOfuOG1Mlo0CBtrLR'],
    ['{SSHA}/G64VTGBDR+gwnuLOfuOG1Mlo0CBtrLR\n'],
    ['{SHA}lra/LDM5pVdXxt/ogno1vL/z5XF='],
    ['*0936DC2E14AAF1419CC05CCBD5AA3E4923F8E51'],
    ['$sha256$pf=e1NBTFR9$AAAA$AAAA'],
    ['00', 'hex_md5'],
    ['zz'.repeat(16), 'hex_md5'],
    ['0'.repeat(64), 'digest', {}],
    ['0'.repeat(64), 'digest', { algorithm: 'sha256', iterations: 0 }],
    ['0'.repeat(64), 'digest', { algorithm: 'sha256', iterations: '12x' }],
    ['0'.repeat(64), 'digest', { algorithm: 'sha256', template: '{salt}' }],
    ['0'.repeat(64), 'digest', { algorithm: 'sha256', salt_possition: 'suffix' }],
    ['0'.repeat(64), 'digest', { algorithm: 'sha256', salt_position: 'middle' }],
    ['0'.repeat(64), 'digest', { algorithm: 'sha256', salt: { a: 1 } }],
    ['0'.repeat(64), 'digest', { algorithm: '__proto__' }],
    ['0'.repeat(64), 'hmac', { algorithm: 'sha256' }],
    ['0'.repeat(64), 'hmac', { algorithm: 'sha256', key: true }],
    [`${b64(64)}==`, 'firebase_scrypt', { mem_cost: 14, rounds: 8, salt: 'AA==' }],
    [`$2b$10$${'A'.repeat(21)}.${'A'.repeat(30)}.`, 'argon2'],
    [`$argon2id$v=19$m=1024,t=1,p=1$${b64(16)}$${b64(9000)}`],
    ['$wrapped$e30$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA'],
  ])('as malformed: %s', (...[hash, format, params]: Row) => {
    expect(refusal(hash, format, params)).toBe('hash_malformed');
  });

  test.each([
    '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7',
    '$7$CU..../....2Q9obwLhin8qvQl6sisAO/$E1HizYWxBmnIH4sdPkd1UOML9t62Gf.wvNTnt5XFzs8',
    'rl0uE0wi6BRIs',
    '_J9..rasmBYk8r9AiWNc',
    `$2$10$${'A'.repeat(53)}`,
    `pbkdf2_wrapped_sha1$1000$salt$AAAA`,
    'secret',
    '',
    '!',
    '$postern$f=digest$$00',
  ])('as of unknown format: %s', (hash) => {
    expect(refusal(hash)).toBe('hash_unknown_format');
    expect(refusal(hash, 'no_such_format')).toBe('hash_unknown_format');
  });

  test.each([32, 40, 56, 64, 96, 128])('as ambiguous: %s bare hexadecimal digits', (length) => {
    expect(refusal('0'.repeat(length))).toBe('hash_ambiguous');
    expect(refusal('F'.repeat(length))).toBe('hash_ambiguous');
  });

  test.each(['$y$a', 'rl0uE0wi6BRIs', '$2$10$x', '$7$x'])(
    'by the name of its format, without repeating it: %s',
    (hash) => {
      expect(() => takeHash({ hash })).toThrow(/yescrypt|DES|minor version|scrypt of crypt/);
      expect(() => takeHash({ hash: 'a secret that is no hash' })).toThrow(
        expect.not.stringContaining('secret'),
      );
    },
  );
});

describe('a foreign hash of the highest allowed cost is accepted', () => {
  test.each([
    `$2b$15$${'A'.repeat(21)}.${'A'.repeat(30)}.`,
    `$argon2d$v=16$m=262144,t=20,p=16$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA`,
    `$scrypt$ln=18,r=8,p=16$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA`,
    `$pbkdf2-sha512$i=10000000,l=64$AAAA$${'A'.repeat(86)}`,
    `$5$rounds=5000000$salt$${'.'.repeat(43)}`,
    `$P$K${'s'.repeat(8)}${'.'.repeat(22)}`,
    `$S$K${'s'.repeat(8)}${'.'.repeat(43)}`,
    `$shiro1$SHA-256$1000000$AAAA$${'A'.repeat(43)}=`,
  ])('%s', (hash) => {
    expect(refusal(hash)).toBe('taken');
  });
});

describe('a password for a foreign hash', () => {
  const md5 = (hash: string, params: object = {}): ForeignHash => ({
    hash,
    format: 'hex_md5',
    params: { ...params },
  });

  test('is tried as typed, then in NFKC', async () => {
    // md5('ﬁ'), md5('fi')
    expect(await verifies(md5('3b8dcf4f0a1dd0ac4a4d1e2d1ed5cb03'), 'no')).toBe(false);
    const typed = 'cafe\u0301';
    const composed = '$1$NFC$x';
    expect(composed).toContain('$1$');
    const { createHash } = await import('node:crypto');
    const of = (text: string) => md5(createHash('md5').update(text).digest('hex'));
    expect(await verifies(of(typed), typed)).toBe(true);
    expect(await verifies(of(typed.normalize('NFC')), typed)).toBe(true);
    expect(await verifies(of(typed), typed.normalize('NFC'))).toBe(false);
    expect(await verifies(of(' spaced '), 'spaced')).toBe(false);
    expect(await verifies(of('spaced'), ' spaced ')).toBe(false);
  });

  test('is trimmed for WordPress alone, and only of its kinds of space', async () => {
    const wordpress = vectors.filter(({ tool }) => tool.startsWith('WordPress'));
    expect(wordpress).toHaveLength(2);
    for (const { hash, password } of wordpress) {
      expect(await verifies({ hash }, ` \t\n\r\v${password} `)).toBe(true);
      expect(await verifies({ hash }, `\u00a0${password}`)).toBe(false);
    }
  });

  test('is cut after 72 bytes for bcrypt, even within a character, and contains no NUL', async () => {
    const cut = vectors.filter(({ hash, password }) => /^\$2[aby]\$/.test(hash) && password.length > 72);
    expect(cut.length).toBeGreaterThan(3);
    for (const { hash, password } of cut) {
      expect(await verifies({ hash }, password.slice(0, 72))).toBe(true);
      expect(await verifies({ hash }, `${password.slice(0, 72)}else`)).toBe(true);
      expect(await verifies({ hash }, password.slice(0, 71))).toBe(false);
      expect(await verifies({ hash }, `${password.slice(0, 72)}\0`)).toBe(false);
    }
  });

  test('with bytes from 0x80 is also tried sign-extended, like PHP before 5.3.7 with $2a$', async () => {
    const signed = vectors.filter(({ hash }) => hash.startsWith('$2x$'));
    expect(signed.length).toBeGreaterThan(3);
    for (const { hash, password } of signed) {
      expect(await verifies({ hash: hash.replace('$2x$', '$2a$') }, password)).toBe(true);
      const isAscii = Buffer.byteLength(password) === password.length;
      expect(await verifies({ hash: hash.replace('$2x$', '$2y$') }, password)).toBe(isAscii);
    }
  });

  test('does not match if the hash’s encoding cannot express it', async () => {
    const { createHash } = await import('node:crypto');
    const hash = createHash('md5').update(Buffer.from('\u00ac')).digest('hex');
    expect(await verifies(md5(hash, { password_encoding: 'latin1' }), '\u20ac')).toBe(false);
  });

  test('is verified in limited time, however long it is and however costly the hash', async () => {
    const dear = `$6$rounds=5000000$salt$${'.'.repeat(86)}`;
    expect(await verifies({ hash: dear }, 'x'.repeat(4096))).toBe(false);
  });
});

test('fast digests and low costs are weak', () => {
  const weak = (hash: string) => isWeak(takeHash({ hash }).readings);
  const b64 = (bytes: number) => 'A'.repeat(Math.ceil((bytes * 4) / 3));
  expect(weak('{SSHA}/G64VTGBDR+gwnuLOfuOG1Mlo0CBtrLR')).toBe(true);
  expect(weak(`$2b$09$${'A'.repeat(21)}.${'A'.repeat(30)}.`)).toBe(true);
  expect(weak(`$2b$10$${'A'.repeat(21)}.${'A'.repeat(30)}.`)).toBe(false);
  expect(weak(`pbkdf2_sha256$600000$salt$${b64(32)}=`)).toBe(false);
  expect(weak(`pbkdf2_sha256$1000$salt$${b64(32)}=`)).toBe(true);
  expect(weak(`$argon2i$v=19$m=19456,t=2,p=1$${b64(16)}$${b64(32)}`)).toBe(false);
});
