import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import type { EventDetails, Recipient } from '../../mail/messages.ts';
import type { UserRecord } from '../../storage/users.ts';
import { addressThatCounts } from '../ownership/standing.ts';
import { deviceOf } from './device.ts';

/** As much of an account as it takes to write to its owner. */
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

const LONGEST_NAME = 60;

/**
 * Whom to write to, and how: at the address that counts. A name is used only when that is verified: until then whoever
 * made the account wrote it, and would have us carry it to a stranger.
 * @param locale the language of the request, for an account that has none of its own.
 */
export function recipientOf(account: Addressee, locale: string | null = null): Recipient {
  const name = account.givenName ?? account.name ?? account.username;
  const isVerified = (account.movedFrom ?? account).emailVerifiedAt !== null;
  const person = isVerified && name !== null ? Array.from(name).slice(0, LONGEST_NAME).join('') : null;
  return { to: addressThatCounts(account), person, locale: account.locale ?? locale };
}

/** What a message says about who did it, when and from where. */
export function eventDetailsOf({ ip, userAgent }: Actor, clock: Clock): EventDetails {
  return { at: new Date(clock.now()).toISOString(), ip, ...deviceOf(userAgent) };
}
