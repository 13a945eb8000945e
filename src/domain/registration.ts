/**
 * Self-registration that does not reveal who has an account: the email address first, by a link sent to it, then the
 * rest. Nothing is stored until the link is used, so no password is set for an unproven address and no username is
 * taken.
 */
import type { Settings } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Secrets } from '../core/secrets.ts';
import type { UserRecord } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';
import type { MailLimit, OutgoingMail } from './outgoing-mail.ts';
import type { LegacyAccounts } from './legacy/index.ts';
import type { LoginSteps, Once } from './login-steps.ts';
import type { Notices } from './notices.ts';
import { type Claiming, evidenceOf } from './ownership/claiming.ts';
import type { PasswordHasher } from './passwords/hasher.ts';
import type { PasswordPolicy } from './passwords/policy.ts';
import type { Accounts } from './users/index.ts';
import { sha256 } from '../core/ids.ts';
import type { Actor } from '../core/actor.ts';
import { DomainError, isDomainError } from '../core/errors.ts';
import { parseEmail } from './identifiers.ts';
import { backFrom, isSquatted } from './ownership/address.ts';
import { isShared, sourceOfActor } from './source.ts';
import type { AttributeChanges, Attributes } from './attributes/index.ts';
import { emailKeyOf } from './lookup.ts';
import { registrationOf } from './users/creation.ts';
import { parseProfile, type Profile } from './users/profile.ts';
import { toUser, type User } from './users/user.ts';

export type Registration = Requesting & Completing;

export function createRegistration(dependencies: RegistrationDependencies): Registration {
  const links = registrationLinks(dependencies);
  return { ...requesting(dependencies, links), ...completing(dependencies, links) };
}

/** Dependencies of registration by mail. */
export interface RegistrationDependencies
  extends Claiming, Pick<Stores, 'users' | 'audit' | 'inTransaction' | 'unanswered'> {
  accounts: Pick<Accounts, 'create'>;
  attributes: Pick<Attributes, 'apply'>;
  outgoingMail: OutgoingMail;
  notices: Pick<Notices, 'accountExists' | 'accountElsewhere'>;
  legacy: Pick<LegacyAccounts, 'exists'>;
  limit: MailLimit;
  policy: PasswordPolicy;
  hasher: PasswordHasher;
  secrets: Secrets;
  steps: Pick<LoginSteps, 'use' | 'isUsed'>;
  clock: Clock;
  settings: Settings['registration'];
}

/** Payload of a link, which proves access to the mailbox of `email`. */
export interface RegistrationLink {
  email: string;
  /** The interaction in which the registration began, if any. */
  interaction: string | null;
  /** The language of the request (BCP 47). */
  locale: string | null;
}

/** An opened, single-use link. */
export type OpenedLink = RegistrationLink & { once: Once };

type Sealed = [email: string, interaction: string | null, expiresAt: number, locale?: string | null];

/** Lifetime of a link in seconds. */
export const REGISTRATION_TTL = 3600;

const PURPOSE = 'registration';

/**
 * Self-contained, sealed links: nothing is stored for somebody without an account. The caller makes sure that a link is used
 * `once`: the account that it created may be deleted, or have another address, while it lasts.
 */
export function registrationLinks({ secrets, clock }: { secrets: Secrets; clock: Clock }) {
  return {
    /** @returns a link's token. */
    seal({ email, interaction, locale }: RegistrationLink): string {
      const expiresAt = clock.now() + REGISTRATION_TTL * 1000;
      const sealed: Sealed = [email, interaction, expiresAt, locale];
      return secrets.seal(PURPOSE, JSON.stringify(sealed)).toString('base64url');
    },
    /** @returns null for a foreign or expired token. */
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

interface Options {
  /** The language of the request (BCP 47). */
  locale?: string | undefined;
  /** The interaction in which it is requested, if any. */
  interaction?: string | undefined;
}

export interface Requesting {
  /**
   * Sends a registration link to an address without an account, or a notice of the attempt to one with an account.
   * The caller sees the same either way.
   * @throws DomainError forbidden when registration is closed, invalid_email, rate_limited, unavailable.
   */
  request(email: string, actor: Actor, options?: Options): Promise<void>;
}

/** Requests per hour: for one address, and by one source. */
const MAX_REQUESTS = { address: 10, source: 200 };

export function requesting(dependencies: RegistrationDependencies, links: RegistrationLinks): Requesting {
  const { users, outgoingMail, notices, audit, inTransaction, limit, clock, settings, legacy } = dependencies;
  return {
    async request(input, actor, { locale, interaction } = {}) {
      if (!settings.open) throw new DomainError('forbidden');
      const { email, emailKey } = parseEmail(input);
      const source = sourceOfActor(actor);
      await limit([
        { of: `register:address:${emailKey}`, limit: MAX_REQUESTS.address },
        { of: `register:source:${source}`, limit: MAX_REQUESTS.source, unless: isShared(source) },
      ]);
      await outgoingMail.admit(email);
      // Do the same work for any address: timing must not tell who has an account.
      const isElsewhere = await legacy.exists(email);
      const present = await users.findByEmailKey(emailKey);
      const holder =
        present && isSquatted(present, email) ? null : (present ?? (await users.findMovedFrom(emailKey)));
      const token = links.seal({ email, interaction: interaction ?? null, locale: locale ?? null });
      const expiresAt = new Date(clock.now() + REGISTRATION_TTL * 1000).toISOString();
      await inTransaction(async (tx) => {
        if (holder) await notices.accountExists(holder, actor, tx);
        else if (isElsewhere) await notices.accountElsewhere(email, locale ?? null, actor, tx);
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

export interface Completing {
  /** The content of a link that is still valid; otherwise null. */
  peek(token: string): Promise<RegistrationLink | null>;
  /**
   * Creates the account, with its address verified by the link. One of concurrent attempts succeeds; invalid input does not use
   * up the link. An account that somebody has created with the address meanwhile, at a contract, without proving it, is taken
   * over without anything that was set on it.
   * @throws DomainError forbidden, invalid_verification_token, invalid_username, invalid_request, weak_password, username_taken,
   *   overloaded, unavailable.
   */
  complete(token: string, account: NewcomerAccount, actor: Actor): Promise<User>;
}

type NewcomerAccount = Pick<Profile, 'username' | 'name' | 'locale'> & {
  password: string;
  attributes?: AttributeChanges | undefined;
};

export function completing(dependencies: RegistrationDependencies, links: RegistrationLinks): Completing {
  const {
    users,
    accounts,
    steps,
    unanswered,
    settings,
    inTransaction,
    claim,
    policy,
    hasher,
    audit,
    clock,
    attributes,
  } = dependencies;

  /** The account that has an address, or had it before a new one that is still unproven. */
  const holderOf = async (email: string): Promise<UserRecord | null> => {
    const key = emailKeyOf(email) ?? '';
    return (await users.findByEmailKey(key)) ?? (await users.findMovedFrom(key));
  };

  /** Whether an account prevents the registration: one whose owner has proven the address. */
  const isTaken = (holder: UserRecord, email: string): boolean =>
    evidenceOf(holder).ownerProvenAt !== null && !isSquatted(holder, email);

  const usable = async (token: string): Promise<OpenedLink | null> => {
    const link = links.open(token);
    if (!link) return null;
    const holder = await holderOf(link.email);
    // The reply may have been lost, so allow a retry.
    if (holder && isTaken(holder, link.email))
      return (await unanswered.has(registrationOf(holder))) ? link : null;
    return (await steps.isUsed(link.once)) ? null : link;
  };

  /** Gives an account to the reader of its mailbox, whoever created it with that address. */
  const take = async (
    holder: UserRecord,
    { username, name, locale, password, attributes: attributeInput }: NewcomerAccount,
    once: OpenedLink['once'],
    actor: Actor,
  ) => {
    const profile = { username, name, locale };
    await policy.check(password, { ...holder, ...profile });
    const applied = attributeInput ? attributes.apply({}, attributeInput) : {};
    const passwordHash = await hasher.hash(password);
    return inTransaction(async (tx) => {
      await steps.use(once, tx);
      const account = await users.lock(holder.id, tx);
      if (!account || evidenceOf(account).ownerProvenAt !== null)
        throw new DomainError('invalid_verification_token');
      const owner: Actor = { ...actor, kind: 'user', id: account.id };
      await audit.record({ type: 'email.verified', subject: account.id }, owner, tx);
      const columns = { ...parseProfile(profile, clock.now()), attributes: applied, passwordHash };
      return toUser(await claim(account, evidenceOf(account), columns, owner, tx));
    });
  };

  /** Removes the address from an account that changed to it without proof. */
  const release = (holder: UserRecord, actor: Actor) =>
    inTransaction(async (tx) => {
      const account = await users.lock(holder.id, tx);
      if (!account?.movedFrom || account.email !== holder.email) return;
      await users.update(account.id, backFrom(account.movedFrom), tx);
      await audit.record({ type: 'email.disowned', subject: account.id }, actor, tx);
    });

  return {
    peek: usable,
    async complete(token, account, actor) {
      if (!settings.open) throw new DomainError('forbidden');
      const link = await usable(token);
      if (!link) throw new DomainError('invalid_verification_token');
      const { email, once } = link;
      const holder = await holderOf(email);
      const isOwned = holder && isTaken(holder, email);
      if (holder && !isOwned && !isSquatted(holder, email))
        return take(holder, account, once, actor).catch(lost);
      if (holder && !isOwned) await release(holder, actor);
      const { username, name, locale, password, attributes: attributeInput } = account;
      const newcomer = {
        email,
        emailVerified: true,
        username,
        name,
        locale,
        password,
        attributes: attributeInput,
      };
      return accounts.create(newcomer, actor, (tx) => steps.use(once, tx)).catch(lost);
    },
  };
}

/** A parallel request used the link first. */
function lost(error: unknown): never {
  throw isDomainError(error, 'invalid_token') ? new DomainError('invalid_verification_token') : error;
}
