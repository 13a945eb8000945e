import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { sha256 } from '../../core/ids.ts';
import { createDeadLinks } from '../dead-links.ts';
import type { Authentication, LoginStep } from '../login.ts';
import { subjectOf } from '../lookup.ts';
import { sourceOfActor } from '../source.ts';
import { toUser, type User } from '../users/user.ts';
import type { SignInLinkDependencies } from './dependencies.ts';
import { type SignInLinkPayload, SIGN_IN_LINK_TTL, isCurrent } from './payload.ts';

export interface Redeeming {
  /**
   * Whom the link would sign in, and the interaction that it was asked for in, without using it up; null when it cannot be
   * used, which is written down.
   * @throws DomainError rate_limited.
   */
  peek(token: string, actor: Actor): Promise<{ user: User; interaction: string | null } | null>;
  /**
   * Signs in, or answers with the second factor that is still to come, and the interaction that it was asked for in. Of any number of tries with one link one succeeds.
   * The source is forgiven the account's wrong passwords.
   * @param device the token of a remembered device, unchecked.
   * @throws DomainError invalid_token, rate_limited, unavailable.
   */
  signIn(
    token: string,
    device: unknown,
    actor: Actor,
  ): Promise<(Authentication | { pending: LoginStep }) & { interaction: string | null }>;
}

export function redeeming(dependencies: SignInLinkDependencies): Redeeming {
  const { users, tokens, lockout, logins, steps, clock } = dependencies;
  const deadLink = createDeadLinks(dependencies);

  /** Used by being noted, in the transaction of what comes of it; the token itself goes when its time is over. */
  const onceOf = (token: string) => ({
    id: sha256(`sign-in-link:${token}`),
    expiresAt: clock.now() + SIGN_IN_LINK_TTL * 1000,
  });

  const find = async (token: string, actor: Actor) => {
    const found = await tokens.peek<SignInLinkPayload>('sign-in', token);
    const account = found && (await users.findById(found.accountId));
    const once = onceOf(token);
    if (account && isCurrent(found.payload, account) && !(await steps.isUsed(once)))
      return { account, once, interaction: found.payload.interaction };
    await deadLink('login', account?.id ?? null, token, actor);
    return null;
  };

  return {
    async peek(token, actor) {
      const found = await find(token, actor);
      return found && { user: toUser(found.account), interaction: found.interaction };
    },

    async signIn(token, device, actor) {
      const found = await find(token, actor);
      if (!found) throw new DomainError('invalid_token');
      const { account, once, interaction } = found;
      const begun = await logins.beginByMail({ accountId: account.id, device, actor, once });
      await lockout.forgive({
        subject: subjectOf(account),
        accountId: account.id,
        source: sourceOfActor(actor),
      });
      return { ...begun, interaction };
    },
  };
}
