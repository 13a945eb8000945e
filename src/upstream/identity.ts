import type { Upstream } from '../config/index.ts';

/** Identity of a person at another provider, as that provider states it. */
export interface Identity {
  upstream: string;
  issuer: string;
  subject: string;
  email: string | null;
  /** Whether the provider says that the address is verified, and is trusted with it (`trustEmail`). */
  emailVerified: boolean;
  name: string | null;
  /** A name by which the owner recognizes it. */
  label: string;
}

/** Whether a provider supports only OAuth 2.0: then its own endpoint identifies people. */
export const isOAuthOnly = ({ endpoints }: Upstream): boolean => endpoints !== undefined;

const MAX_VALUE_LENGTH = 255;

const text = (value: unknown): string | null => {
  const found = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof found === 'string' &&
    found !== '' &&
    found.length <= MAX_VALUE_LENGTH &&
    !found.includes('\0')
    ? found
    : null;
};

/** Reads an identity from claims; null without a subject. */
export function identityOf(
  { id, claims, trustEmail }: Upstream,
  issuer: string,
  answer: Readonly<Record<string, unknown>>,
): Identity | null {
  const subject = text(answer[claims.subject]);
  if (subject === null) return null;
  const email = text(answer[claims.email]);
  return {
    upstream: id,
    issuer,
    subject,
    email,
    emailVerified: trustEmail && email !== null && answer[claims.emailVerified] === true,
    name: text(answer[claims.name]),
    label: email ?? text(answer[claims.username]) ?? subject,
  };
}
