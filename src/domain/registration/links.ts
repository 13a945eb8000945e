import type { Clock } from '../../kernel/clock.ts';
import type { Secrets } from '../../kernel/secrets.ts';

/** What a link says: whoever has it reads the mail of `email`. */
export interface RegistrationLink {
  email: string;
  /** The interaction that the registration began in, if it did in one. */
  interaction: string | null;
  /** The language that it was asked for in (BCP 47). */
  locale: string | null;
}

type Sealed = [email: string, interaction: string | null, expiresAt: number, locale?: string | null];

/** Seconds that a link lasts. */
export const REGISTRATION_TTL = 3600;

const PURPOSE = 'registration';

/**
 * Links that hold what they say, sealed: nothing is stored for somebody who has no account yet. That each serves once is
 * the doing of the address, which one account can have.
 */
export function registrationLinks({ secrets, clock }: { secrets: Secrets; clock: Clock }) {
  return {
    /** @returns a link's token. */
    seal({ email, interaction, locale }: RegistrationLink): string {
      const expiresAt = clock.now() + REGISTRATION_TTL * 1000;
      const sealed: Sealed = [email, interaction, expiresAt, locale];
      return secrets.seal(PURPOSE, JSON.stringify(sealed)).toString('base64url');
    },
    /** @returns null for what is no token of ours, or one whose time is over. */
    open(token: string): RegistrationLink | null {
      const sealed = opened(secrets, token);
      if (!sealed) return null;
      const [email, interaction, expiresAt, locale = null] = JSON.parse(sealed) as Sealed;
      return expiresAt > clock.now() ? { email, interaction, locale } : null;
    },
  };
}

export type RegistrationLinks = ReturnType<typeof registrationLinks>;

function opened(secrets: Secrets, token: string): string | null {
  try {
    return secrets.open(PURPOSE, Buffer.from(token, 'base64url'));
  } catch {
    return null;
  }
}
