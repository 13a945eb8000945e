import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { sha256 } from '../../core/ids.ts';
import { parseEmail } from '../identifiers.ts';
import { isSquatted } from '../ownership/moves.ts';
import { isShared, sourceOfActor } from '../source.ts';
import type { RegistrationDependencies } from './dependencies.ts';
import { REGISTRATION_TTL, type RegistrationLinks } from './links.ts';

interface Options {
  /** The language of the request (BCP 47). */
  locale?: string | undefined;
  /** The interaction that it is made in, if it is in one. */
  interaction?: string | undefined;
}

export interface Requesting {
  /**
   * Sends a link with which an account can be made to an address that has none; to one that has, the news that somebody
   * tried. Whoever asks sees the same either way.
   * @throws DomainError forbidden when registration is closed, invalid_email, rate_limited, unavailable.
   */
  request(email: string, actor: Actor, options?: Options): Promise<void>;
}

/** Requests an hour: for one address, and of one source. */
const MOST = { address: 10, source: 200 };

export function requesting(dependencies: RegistrationDependencies, links: RegistrationLinks): Requesting {
  const { users, outgoingMail, notices, audit, inTransaction, limit, clock, settings } = dependencies;
  return {
    async request(input, actor, { locale, interaction } = {}) {
      if (!settings.open) throw new DomainError('forbidden');
      const { email, emailKey } = parseEmail(input);
      const source = sourceOfActor(actor);
      await limit([
        { of: `register:address:${emailKey}`, limit: MOST.address },
        { of: `register:source:${source}`, limit: MOST.source, unless: isShared(source) },
      ]);
      await outgoingMail.admit(email);
      const present = await users.findByEmailKey(emailKey);
      const holder =
        present && isSquatted(present, email) ? null : (present ?? (await users.findMovedFrom(emailKey)));
      const token = links.seal({ email, interaction: interaction ?? null, locale: locale ?? null });
      const expiresAt = new Date(clock.now() + REGISTRATION_TTL * 1000).toISOString();
      await inTransaction(async (tx) => {
        if (holder) await notices.accountExists(holder, actor, tx);
        else {
          const link = { token, lasts: REGISTRATION_TTL, expiresAt };
          const content = {
            kind: 'verify-email',
            to: email,
            person: null,
            locale: locale ?? null,
            link,
          } as const;
          await outgoingMail.enqueue({ cause: `register:${sha256(token)}`, content, actor }, tx);
        }
        await audit.record({ type: 'user.registration_requested', subject: holder?.id ?? null }, actor, tx);
      });
    },
  };
}
