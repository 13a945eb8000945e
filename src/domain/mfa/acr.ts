/** An authentication method. */
export type Method =
  | 'password'
  /** A sign-in at another provider, whatever it required. */
  | 'federated'
  /** A link that was mailed to the account's verified address. */
  | 'mail'
  /** A code of an authenticator app. */
  | 'otp'
  | 'recovery'
  /** A passkey whose authenticator verified its user, by a PIN or biometrics: two factors in one. */
  | 'passkey'
  /** One whose authenticator only saw that somebody was there. */
  | 'security_key';

/** How strong a login is: one factor, two, or two that no other site can ask for (phishing-resistant). */
export type Acr = 'urn:postern:acr:1fa' | 'urn:postern:acr:2fa' | 'urn:postern:acr:phr';

/**
 * Authentication method references (RFC 8176); `fed` and `email` are none of its own, but what others say for them. `pop`, not `hwk` or `swk`: authenticators are not asked to prove how they
 * keep their keys. A recovery code is none of the registered methods; `mfa` tells of it.
 */
const AMR: Readonly<Record<Method, string[]>> = {
  password: ['pwd'],
  federated: ['fed'],
  mail: ['email'],
  otp: ['otp'],
  recovery: [],
  passkey: ['pop', 'user'],
  security_key: ['pop', 'user'],
};

/** The `amr` (RFC 8176) and `acr` (OpenID Connect Core section 2) of somebody who has used `methods`. */
export function strengthOf(methods: readonly Method[]): { amr: string[]; acr: Acr } {
  const verified = methods.includes('passkey');
  const multiple = verified || methods.length > 1;
  const amr = [...methods.flatMap((method) => AMR[method]), ...(multiple ? ['mfa'] : [])];
  if (verified) return { amr, acr: 'urn:postern:acr:phr' };
  return { amr, acr: multiple ? 'urn:postern:acr:2fa' : 'urn:postern:acr:1fa' };
}
