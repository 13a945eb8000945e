/**
 * Security notices: mail to an account's owner about changes to it. Each is queued in the transaction of the change, once per
 * cause.
 */
import Bowser from 'bowser';
import { LRUCache } from 'lru-cache';
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { sha256 } from '../core/ids.ts';
import { oneLine } from '../core/text.ts';
import type {
  EventDetails,
  FactorDisplay,
  MessagePayload,
  Recipient,
  RemovedDisplay,
  TokenLink,
} from '../mail/messages.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import { ASKED_FOR, type OutgoingMail } from './outgoing-mail.ts';
import type { UserRecord } from '../storage/users.ts';
import { addressThatCounts } from './ownership/address.ts';
import { sourceOf } from './source.ts';

export interface Notices {
  /** @param undo a link to undo the change, if it was made without the old password. */
  passwordChanged(account: Addressee, actor: Actor, tx: Tx, undo?: Offer | null): Promise<void>;
  /** @param device the key that identifies the device; one notice per device. */
  newDevice(account: Addressee, device: string, actor: Actor, tx: Tx): Promise<void>;
  factorAdded(account: Addressee, factor: Factor, actor: Actor, tx: Tx): Promise<void>;
  factorRemoved(account: Addressee, factor: Factor, actor: Actor, tx: Tx): Promise<void>;
  /** @param left the codes that remain. */
  recoveryCodeUsed(
    account: Addressee,
    code: { id: string; left: number },
    actor: Actor,
    tx: Tx,
  ): Promise<void>;
  /** To the account's present address. @param email the requested one. */
  emailChangeRequested(account: Addressee, email: string, actor: Actor, tx: Tx): Promise<void>;
  /** To the former address. @param account as it was before. @param email the new one. @param undo undoes the change. */
  emailChanged(account: Addressee, email: string, actor: Actor, tx: Tx, undo?: Offer | null): Promise<void>;
  /** @param removed what had been set on the account before its owner was proven. */
  accountCleared(account: Addressee, removed: RemovedDisplay, actor: Actor, tx: Tx): Promise<void>;
  /** @param account as it was before. @param undo undoes the change, and names the address that it restores. */
  accountDeleted(account: Addressee, actor: Actor, tx: Tx, undo?: Offer | null): Promise<void>;
  /** Somebody tried to create another account with this address. At most once an hour. */
  accountExists(account: Addressee, actor: Actor, tx: Tx): Promise<void>;
  /** An operator views as the account's owner. @param view who, and why. */
  viewed(account: Addressee, view: ViewedBy, actor: Actor, tx: Tx): Promise<void>;
  /** An operator requests to. @param until the deadline for the answer. */
  viewRequested(account: Addressee, view: ViewedBy, until: Date, actor: Actor, tx: Tx): Promise<void>;
  /** The same for an account that is still at another service. @param locale of the request. */
  accountElsewhere(email: string, locale: string | null, actor: Actor, tx: Tx): Promise<void>;
  /** An app requests to sign the account in. @param asked `authReqId` distinguishes requests. */
  loginRequested(account: Addressee, asked: Asked, actor: Actor, tx: Tx): Promise<void>;
}

/** A link that undoes a change, and the address that it restores. */
export interface Offer {
  to: string;
  link: TokenLink;
}

/** `id` distinguishes it from the account's others of its kind. */
export type Factor = FactorDisplay & { id: string };

/** `by` is the operator's name, `id` the impersonation's. */
interface ViewedBy {
  id: string;
  by: string;
  reason: string;
}

interface Asked {
  app: string;
  bindingMessage: string | null;
  authReqId: string;
  expiresAt: Date;
}

const HOUR = 3_600_000;
const MAX_REASON_LENGTH = 500;

/** The local part masked except for its first letter: enough to recognize one's own address. */
const masked = (email: string): string => email.replace(/^(.)[^@]*/su, '$1…');

export function createNotices({
  outgoingMail,
  clock,
}: {
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  clock: Clock;
}): Notices {
  /** @param cause distinguishes it from the account's other notices of its kind: the current time by default. */
  const tell = async (
    account: Addressee,
    payload: MessagePayload,
    actor: Actor,
    tx: Tx,
    cause: string | number = clock.now(),
    to?: string,
  ): Promise<void> => {
    const content = { ...recipientOf(account), ...(to === undefined ? {} : { to }), ...payload };
    const isProven = (account.movedFrom ?? account).ownerProvenAt !== null;
    const isOwners = isProven && !ASKED_FOR.has(payload.kind);
    await outgoingMail.enqueue(
      { cause: `${payload.kind}:${account.id}:${cause}`, content, actor, isOwners },
      tx,
    );
  };
  const about = (actor: Actor) => ({ circumstances: eventDetailsOf(actor, clock) });
  const takenBack = (undo: Offer | null | undefined) => (undo ? { undo: undo.link } : {});
  const lastingUntil = (end: Date) => ({
    lasts: Math.ceil((end.getTime() - clock.now()) / 1000),
    expiresAt: end.toISOString(),
  });
  const shown = ({ kind, name }: Factor): FactorDisplay => ({ kind, name });
  return {
    passwordChanged: (account, actor, tx, undo) =>
      tell(account, { kind: 'password-changed', ...takenBack(undo), ...about(actor) }, actor, tx),
    newDevice: (account, device, actor, tx) =>
      tell(account, { kind: 'new-device', ...about(actor) }, actor, tx, device),
    factorAdded: (account, factor, actor, tx) =>
      tell(account, { kind: 'factor-added', factor: shown(factor), ...about(actor) }, actor, tx, factor.id),
    factorRemoved: (account, factor, actor, tx) =>
      tell(account, { kind: 'factor-removed', factor: shown(factor), ...about(actor) }, actor, tx, factor.id),
    recoveryCodeUsed: (account, { id, left }, actor, tx) =>
      tell(account, { kind: 'recovery-code-used', left, ...about(actor) }, actor, tx, id),
    emailChangeRequested: (account, email, actor, tx) =>
      tell(account, { kind: 'email-change-requested', email: masked(email), ...about(actor) }, actor, tx),
    emailChanged(account, email, actor, tx, undo) {
      const payload = {
        kind: 'email-changed',
        email: masked(email),
        ...takenBack(undo),
        ...about(actor),
      } as const;
      return tell(account, payload, actor, tx);
    },
    accountCleared: (account, removed, actor, tx) =>
      tell(account, { kind: 'account-cleared', removed, ...about(actor) }, actor, tx),
    accountDeleted(account, actor, tx, undo) {
      const payload = { kind: 'account-deleted', ...takenBack(undo), ...about(actor) } as const;
      const cause = undo ? sha256(undo.link.token) : clock.now();
      return tell(account, payload, actor, tx, cause, undo?.to);
    },
    accountExists: (account, actor, tx) =>
      tell(account, { kind: 'account-exists', ...about(actor) }, actor, tx, Math.floor(clock.now() / HOUR)),
    viewed: (account, { id, by, reason }, actor, tx) => {
      const at = new Date(clock.now()).toISOString();
      const payload = {
        kind: 'account-viewed',
        by: oneLine(by),
        reason: oneLine(reason, MAX_REASON_LENGTH),
        at,
      } as const;
      return tell(account, payload, actor, tx, id);
    },
    viewRequested: (account, { id, by, reason }, until, actor, tx) => {
      const request = lastingUntil(until);
      const payload = {
        kind: 'view-requested',
        by: oneLine(by),
        reason: oneLine(reason, MAX_REASON_LENGTH),
        request,
      } as const;
      return tell(account, payload, actor, tx, id);
    },
    async accountElsewhere(email, locale, actor, tx) {
      const content = {
        to: email,
        person: null,
        locale,
        kind: 'account-elsewhere',
        ...about(actor),
      } as const;
      const cause = `account-elsewhere:${sha256(email)}:${Math.floor(clock.now() / HOUR)}`;
      await outgoingMail.enqueue({ cause, content, actor }, tx);
    },
    loginRequested: (account, { app, bindingMessage, authReqId, expiresAt }, actor, tx) => {
      const request = lastingUntil(expiresAt);
      const payload = { kind: 'login-requested', app: oneLine(app), bindingMessage, request } as const;
      return tell(account, payload, actor, tx, sha256(authReqId));
    },
  };
}

/** The part of an account that mail to its owner needs. */
export type Addressee = Pick<
  UserRecord,
  | 'id'
  | 'email'
  | 'emailVerifiedAt'
  | 'ownerProvenAt'
  | 'movedFrom'
  | 'username'
  | 'name'
  | 'givenName'
  | 'locale'
>;

const MAX_NAME_LENGTH = 60;

/**
 * Recipient, name and language: the address in force. The name is used only when that is verified: until then whoever created
 * the account wrote it, and could make us send text to a stranger.
 * @param locale the language of the request, for an account without its own.
 */
export function recipientOf(account: Addressee, locale: string | null = null): Recipient {
  const name = account.givenName ?? account.name ?? account.username;
  const isVerified = (account.movedFrom ?? account).emailVerifiedAt !== null;
  const person = isVerified && name !== null ? Array.from(name).slice(0, MAX_NAME_LENGTH).join('') : null;
  return { to: addressThatCounts(account), person, locale: account.locale ?? locale };
}

/** The circumstances of a change: who, when and from where. */
export function eventDetailsOf({ ip, userAgent }: Actor, clock: Clock): EventDetails {
  return { at: new Date(clock.now()).toISOString(), ip, ...deviceOf(userAgent) };
}

/** Describes the device by known names only: a User-Agent may contain anything. */
export interface Device {
  browser: string | null;
  system: string | null;
}

const BROWSERS = new Set<string | undefined>(Object.values(Bowser.BROWSER_MAP));
const SYSTEMS = new Set<string | undefined>(Object.values(Bowser.OS_MAP));

/** Cached: parsing takes longer than everything else, and a person's events have few distinct ones. */
const devices = new LRUCache<string, Device>({
  max: 500,
  memoMethod(userAgent) {
    const parser = Bowser.getParser(userAgent);
    const [browser, system] = [parser.getBrowserName(), parser.getOSName()];
    return { browser: BROWSERS.has(browser) ? browser : null, system: SYSTEMS.has(system) ? system : null };
  },
});

/** The device that a `User-Agent` describes (RFC 9110 section 10.1.5). */
export const deviceOf = (userAgent: string | null): Device =>
  userAgent ? { ...devices.memo(userAgent.slice(0, 512)) } : { browser: null, system: null };

/** The key that identifies a device: its network and kind, without the browser's version. */
export function deviceKeyOf({ ip, userAgent }: Pick<Actor, 'ip' | 'userAgent'>): string {
  const { browser, system } = deviceOf(userAgent);
  return sha256(JSON.stringify([sourceOf(ip), browser, system]));
}
