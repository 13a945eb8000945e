import type { Actor } from '../../core/actor.ts';
import { lookUp } from '../lookup.ts';
import { createRequestedLinks } from '../requested-links.ts';
import { isShared, sourceOfActor } from '../source.ts';
import type { SignInLinkDependencies } from './dependencies.ts';
import { type SignInLinkPayload, isOwned, SIGN_IN_LINK_TTL } from './payload.ts';

export interface Requesting {
  /**
   * Sends a link to the address of the account that is meant, if its owner has proven that and its lock keeps this
   * source out: only then does it differ from a password. Takes the same work, and says the same, whoever is
   * named. Whoever asks, the owner can use it; so somebody who uses up what may be sent only sends the owner the way in.
   * @param input unchecked: an email address or a username.
   * @param options.interaction the one that the person goes on with, in this browser alone.
   * @param options.locale the language of the request (BCP 47), for an account that has none of its own.
   * @throws DomainError rate_limited, alike for accounts that do not exist; unavailable.
   */
  request(
    input: { identifier: unknown },
    actor: Actor,
    options?: { interaction?: string | null; locale?: string | undefined },
  ): Promise<void>;
}

/** Requests an hour: of one source for one account, and of one source. */
const MOST = { pair: 10, source: 200 };

export function requesting(dependencies: SignInLinkDependencies): Requesting['request'] {
  const { users, limit, lockout } = dependencies;
  const send = createRequestedLinks(dependencies, {
    purpose: 'sign-in',
    mail: 'sign-in-link',
    event: 'login.link_requested',
    ttl: SIGN_IN_LINK_TTL,
  });

  return async (input, actor, { interaction = null, locale } = {}) => {
    const { subject, account } = await lookUp(users, input);
    // No account can be called this, and whoever typed it can know.
    if (subject === 'nobody') return;
    const source = sourceOfActor(actor);
    await limit([
      { of: `sign-in-link:${subject}\n${source}`, limit: MOST.pair },
      { of: `sign-in-link:${source}`, limit: MOST.source, unless: isShared(source) },
    ]);
    // Whoever asks has been told so already, alike for accounts that do not exist. Before the count of letters: nobody uses up
    // what may be sent while the password is enough.
    if (!(await lockout.isLocked({ subject, accountId: account?.id ?? null, source }))) return;
    await send({
      accountId: account?.id ?? null,
      subject,
      actor,
      locale,
      isReachable: isOwned,
      payloadOf: ({ email, securityVersion }): SignInLinkPayload => ({ email, securityVersion, interaction }),
    });
  };
}
