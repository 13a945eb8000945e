/**
 * A way in for owners whom strangers have locked out by wrong passwords: a link by mail that signs in without a new
 * password, while the lock lasts. It is the first factor; a second one is asked for as after a password.
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
  /** The interaction that it was asked for in, if it was in one. */
  interaction: string | null;
}

/** Whether a link may be sent: to the address of an account whose owner has shown that it is theirs. */
export const isOwned = ({ status, emailVerifiedAt, ownerProvenAt }: UserRecord): boolean =>
  status === 'active' && emailVerifiedAt !== null && ownerProvenAt !== null;

/** Whether a link with this payload may still be used. */
export const isCurrent = (payload: SignInLinkPayload, account: UserRecord): boolean =>
  isOwned(account) && account.email === payload.email && account.securityVersion === payload.securityVersion;

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
