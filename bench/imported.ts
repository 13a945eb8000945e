/** Imported accounts: hashes in other systems' formats, all of one password. */
export const importedPassword = 'correct horse battery staple';

/** By family, at common cost parameters. */
export const importedHashes = {
  bcrypt: '$2b$10$AZPZY/3wgwWTXMyXRBg1qO.OKzHpqy/ttIpNFN0iturngd74XiNMq',
  argon2i: '$argon2i$v=19$m=16384,t=4,p=1$c2l4dGVlbiBieXRlcyBvZg$i14cbziwv0pnypHDgUBPqBiEA4uSpsPO+Zg4t6hMwfA',
  scrypt:
    'scrypt:32768:8:1$Wijx10v8NtRpLpJG$1f3ab52afff6d788b6b2161e1f643508334fd0e223b38085258f7c0ae0453190c53109c1945742a76f23465c920670dee11e18a68563a1488ab226abafee883e',
  pbkdf2: 'pbkdf2_sha256$600000$aSaltOfTwentyTwoSigns$aSJKy265JXX2zyFPzEF7Qo5gvEZHYslT3tN6wRoO2WE=',
  ssha: '{SSHA}46BnfOtjjVkV2IM1YrlQPStNxk5zYWx0c2FsdA==',
} as const;

export type ImportedFamily = keyof typeof importedHashes;

/** People of each family. */
export const IMPORTED_PEOPLE = 32;

export const importedName = (family: ImportedFamily, index: number): string =>
  `${family}-${(index % IMPORTED_PEOPLE) + 1}`;
