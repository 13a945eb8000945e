import type { Clock } from '../../core/clock.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import type { MailLimit, OutgoingMail } from '../outgoing-mail.ts';
import { type Addressee, type Notices, recipientOf } from '../notices.ts';
import type { Clear } from '../ownership/claiming.ts';
import type { PasswordCheck } from '../passwords/check.ts';
import type { Offering } from '../undo/offering.ts';
import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { sha256 } from '../../core/ids.ts';
import { parseEmail } from '../identifiers.ts';
import { isEmailVerified } from '../ownership/address.ts';
import { isShared, sourceOfActor } from '../source.ts';
import { present } from '../users/user.ts';

/** Dependencies of verification. */
export interface VerificationDependencies
  extends Pick<Offering, 'offer'>, Pick<Stores, 'users' | 'unanswered' | 'audit' | 'inTransaction'> {
  tokens: OneTimeTokens;
  outgoingMail: OutgoingMail;
  notices: Pick<Notices, 'emailChangeRequested' | 'emailChanged' | 'accountExists'>;
  limit: MailLimit;
  clear: Clear;
  passwordCheck: PasswordCheck;
  clock: Clock;
}

/** Payload of a link: what it verifies, and the state of the account when it was sent. */
export interface VerificationPayload {
  /** The account's address at that time. */
  from: string;
  /** The address that the link was sent to: the same, or its replacement. */
  to: string;
  /** When the password was set, in milliseconds. */
  passwordChangedAt: number | null;
}

type Account = Pick<UserRecord, 'email' | 'passwordChangedAt' | 'status'>;

export const payloadOf = ({ email, passwordChangedAt }: Account, to: string): VerificationPayload => ({
  from: email,
  to,
  passwordChangedAt: passwordChangedAt?.getTime() ?? null,
});

/**
 * Whether a link with this payload may still be used. A new password ends an earlier request to change the address: the
 * requester may be the one whom it keeps out.
 */
export function isCurrent(payload: VerificationPayload, account: Account): boolean {
  const { from, passwordChangedAt } = payloadOf(account, payload.to);
  if (account.status !== 'active' || from !== payload.from) return false;
  return payload.to === payload.from || passwordChangedAt === payload.passwordChangedAt;
}

interface Options {
  /** The language of the request (BCP 47), for an account without its own. */
  locale?: string | undefined;
}

export interface Requesting {
  /**
   * Sends a link that verifies an account's new address, in the transaction that sets it. None is sent to a mailbox that has
   * reached its limit: another one can be requested.
   * @param account as just created or changed.
   * @param actor who did that.
   */
  begin(account: NewAccount, actor: Actor, tx: Tx, options?: Options): Promise<void>;
  /**
   * Sends another such link; earlier ones end.
   * @returns whether there was something to verify.
   * @throws DomainError user_not_found, account_suspended, rate_limited, unavailable.
   */
  request(accountId: string, actor: Actor, options?: Options): Promise<boolean>;
  /**
   * Sends a link to an address that becomes the account's once it is used; earlier links end, and the old address is notified.
   * If another account has the address, its owner is told of the attempt, and the requester learns nothing. The account's
   * present address cancels a change.
   * @throws DomainError invalid_email, user_not_found, account_suspended, rate_limited, unavailable.
   */
  requestChange(accountId: string, email: string, actor: Actor, options?: Options): Promise<void>;
}

type NewAccount = Addressee & Pick<UserRecord, 'passwordChangedAt' | 'status'>;

/** Lifetime of a link in seconds. */
const VERIFICATION_TTL = 86_400;

/** Requests per hour: for one account, to one address, and by one source. */
const MAX_REQUESTS = { account: 10, address: 10, source: 200 };

export function requesting(dependencies: VerificationDependencies): Requesting {
  const { users, tokens, outgoingMail, notices, audit, inTransaction, limit, clock } = dependencies;

  const send = async (
    account: NewAccount,
    to: string,
    actor: Actor,
    { locale }: Options,
    tx: Tx,
  ): Promise<void> => {
    const token = await tokens.create(
      {
        purpose: 'verify-email',
        accountId: account.id,
        payload: payloadOf(account, to),
        ttl: VERIFICATION_TTL,
      },
      tx,
    );
    const expiresAt = new Date(clock.now() + VERIFICATION_TTL * 1000).toISOString();
    const link = { token, lasts: VERIFICATION_TTL, expiresAt };
    // Don't send the account's name to an address that is not proven to be its owner's.
    const recipient = { ...recipientOf(account, locale), to, person: null };
    const content = { ...recipient, kind: 'verify-email', link } as const;
    await outgoingMail.enqueue({ cause: `verify-email:${sha256(token)}`, content, actor }, tx);
  };

  const limited = async (accountId: string, email: string, actor: Actor) => {
    const source = sourceOfActor(actor);
    await limit([
      { of: `verify:account:${accountId}`, limit: MAX_REQUESTS.account },
      { of: `verify:address:${parseEmail(email).emailKey}`, limit: MAX_REQUESTS.address },
      { of: `verify:source:${source}`, limit: MAX_REQUESTS.source, unless: isShared(source) },
    ]);
    await outgoingMail.admit(email);
  };

  /** The account, active and locked. */
  const lock = async (id: string, tx: Tx) => {
    const account = present(await users.lock(id, tx));
    if (account.status === 'suspended') throw new DomainError('account_suspended');
    return account;
  };

  const request: Requesting['request'] = async (accountId, actor, { locale } = {}) => {
    const known = present(await users.findById(accountId));
    if (isEmailVerified(known)) return false;
    const { email } = known;
    await limited(accountId, email, actor);
    await inTransaction(async (tx) => {
      const account = await lock(accountId, tx);
      await send(account, account.email, actor, { locale }, tx);
      await audit.record({ type: 'email.verification_requested', subject: accountId }, actor, tx);
    });
    return true;
  };

  return {
    begin: (account, actor, tx, options = {}) => send(account, account.email, actor, options, tx),
    request,
    async requestChange(accountId, input, actor, { locale } = {}) {
      const { email, emailKey } = parseEmail(input);
      if (present(await users.findById(accountId)).email === email) {
        // Naming the present address cancels the change to another one.
        if (await request(accountId, actor, { locale })) return;
        await inTransaction(async (tx) => {
          await lock(accountId, tx);
          await tokens.deleteOf(accountId, 'verify-email', tx);
        });
        return;
      }
      await limited(accountId, email, actor);
      await inTransaction(async (tx) => {
        const account = await lock(accountId, tx);
        const holder = await users.findByEmailKey(emailKey);
        if (holder && holder.id !== accountId) {
          await tokens.deleteOf(accountId, 'verify-email', tx);
          await notices.accountExists(holder, actor, tx);
        } else await send(account, email, actor, { locale }, tx);
        await notices.emailChangeRequested(account, email, actor, tx);
        await audit.record({ type: 'email.change_requested', subject: accountId }, actor, tx);
      });
    },
  };
}
