import type { Clock } from '../../core/clock.ts';
import { sha256 } from '../../core/ids.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { Once } from '../login-steps.ts';

/** What a link says: whoever has it reads the mail of `email`. */
export interface RegistrationLink {
  email: string;
  /** The interaction that the registration began in, if it did in one. */
  interaction: string | null;
  /** The language that it was asked for in (BCP 47). */
  locale: string | null;
}

/** One that was opened, and that serves once. */
export type OpenedLink = RegistrationLink & { once: Once };

type Sealed = [email: string, interaction: string | null, expiresAt: number, locale?: string | null];

/** Seconds that a link lasts. */
export const REGISTRATION_TTL = 3600;

const PURPOSE = 'registration';

/**
 * Links that hold what they say, sealed: nothing is stored for somebody who has no account yet. Whoever uses one sees to it
 * that it serves `once`: the account that it made may be gone, or have another address, while it lasts.
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
    open(token: string): OpenedLink | null {
      const bytes = Buffer.from(token, 'base64url');
      const sealed = opened(secrets, bytes);
      if (!sealed) return null;
      const [email, interaction, expiresAt, locale = null] = JSON.parse(sealed) as Sealed;
      const once = { id: sha256(bytes.toString('base64url')), expiresAt };
      return expiresAt > clock.now() ? { email, interaction, locale, once } : null;
    },
  };
}

export type RegistrationLinks = ReturnType<typeof registrationLinks>;

function opened(secrets: Secrets, bytes: Buffer): string | null {
  try {
    return secrets.open(PURPOSE, bytes);
  } catch {
    return null;
  }
}
