/**
 * For owners whom strangers have locked out by wrong passwords: a mailed link that signs in without a new password, while the
 * lock lasts. It is the first factor; a second one is required as after a password.
 */
import type { Clock } from '../core/clock.ts';
import type { OneTimeTokens } from '../storage/one-time-tokens.ts';
import type { UserRecord } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';
import type { MailLimit, OutgoingMail } from './outgoing-mail.ts';
import type { Lockout } from './lockout.ts';
import type { Authentication, Logins, LoginStep } from './login.ts';
import type { LoginSteps } from './login-steps.ts';
import type { Actor } from '../core/actor.ts';
import { lookUp, subjectOf } from './lookup.ts';
import { createDeadLinks, createRequestedLinks } from './requested-links.ts';
import { isShared, sourceOfActor } from './source.ts';
import { DomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import { toUser, type User } from './users/user.ts';

export type SignInLinks = Requesting & Redeeming;

export function createSignInLinks(dependencies: SignInLinkDependencies): SignInLinks {
  return { request: requesting(dependencies), ...redeeming(dependencies) };
}

/** Dependencies of sign-in links. */
export interface SignInLinkDependencies extends Pick<Stores, 'users' | 'audit' | 'inTransaction'> {
  tokens: OneTimeTokens;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  limit: MailLimit;
  lockout: Pick<Lockout, 'isLocked' | 'forgive'>;
  logins: Pick<Logins, 'beginByMail'>;
  steps: Pick<LoginSteps, 'isUsed'>;
  clock: Clock;
}

/** Lifetime of a link in seconds. */
export const SIGN_IN_LINK_TTL = 3600;

/** The account's state when the link was sent. A change of it invalidates the link. */
export interface SignInLinkPayload {
  /** The address that it was sent to. */
  email: string;
  securityVersion: number;
  /** The interaction in which it was requested, if any. */
  interaction: string | null;
}

/** Whether a link may be sent: only to an address that the account's owner has proven. */
export const isOwned = ({ status, emailVerifiedAt, ownerProvenAt }: UserRecord): boolean =>
  status === 'active' && emailVerifiedAt !== null && ownerProvenAt !== null;

/** Whether a link with this payload may still be used. */
export const isCurrent = (payload: SignInLinkPayload, account: UserRecord): boolean =>
  isOwned(account) && account.email === payload.email && account.securityVersion === payload.securityVersion;

export interface Requesting {
  /**
   * Sends a link to the named account's address, if its owner has proven that and the lock keeps this source out: only then is
   * it more than a password. Does the same work, with the same result, for any name. Whoever requests it, the owner can use it;
   * so somebody who uses up the limit only sends the owner links.
   * @param input unchecked: an email address or a username.
   * @param options.interaction to continue with, in this browser only.
   * @param options.locale the language of the request (BCP 47), for an account without its own.
   * @throws DomainError rate_limited, alike for accounts that do not exist; unavailable.
   */
  request(
    input: { identifier: unknown },
    actor: Actor,
    options?: { interaction?: string | null; locale?: string | undefined },
  ): Promise<void>;
}

/** Requests per hour: by one source for one account, and by one source. */
const MAX_REQUESTS = { pair: 10, source: 200 };

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
    // An impossible name reveals nothing about accounts.
    if (subject === 'nobody') return;
    const source = sourceOfActor(actor);
    await limit([
      { of: `sign-in-link:${subject}\n${source}`, limit: MAX_REQUESTS.pair },
      { of: `sign-in-link:${source}`, limit: MAX_REQUESTS.source, unless: isShared(source) },
    ]);
    // The requester has been told already, alike for accounts that do not exist. Check before counting mail: nobody uses up
    // the limit while the password is enough.
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

export interface Redeeming {
  /**
   * The account that the link would sign in, and the interaction in which it was requested, without using it up; null for an
   * unusable link, which is audited.
   * @throws DomainError rate_limited.
   */
  peek(token: string, actor: Actor): Promise<{ user: User; interaction: string | null } | null>;
  /**
   * Signs in, or returns the second factor that is still to come, and the interaction in which the link was requested. One of
   * concurrent attempts with a link succeeds. Clears the source's wrong guesses at the account.
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

  /** Recorded as used in the transaction of its effect; the token itself is deleted when it expires. */
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
