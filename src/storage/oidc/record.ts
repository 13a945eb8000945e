import { isUuid, sha256 } from '../../core/ids.ts';
import { Secrets } from '../../core/secrets.ts';
import { textOf } from '../../core/text.ts';
import type { Adapter, Payload } from './adapter.ts';

/** Models whose ids are used once: writing a live one again is a replay. */
export const isUsedOnce = (model: string): boolean => model === 'ReplayDetection' || model === 'UserCode';

/** Other records' ids that a payload needs: sealed under its own id, which is not stored. */
const SEALED = ['deviceCode', 'parJti'];

/** Bytes from which a stranger's record is made shorter; few are that long. */
export const LONG = 1_200;

const UNSECURED_HEADER = `${Buffer.from('{"alg":"none"}').toString('base64url')}.`;

/** The unsecured JWT (RFC 7519 section 6) of claims: the library stores a pushed request as one. */
const unsecured = (claims: string): string =>
  `${UNSECURED_HEADER}${Buffer.from(claims).toString('base64url')}.`;

/** Stores the claims of a long unsecured request as they are, not as base64url, which takes a third more. */
function shorten(stored: Payload): void {
  const { request } = stored;
  if (typeof request !== 'string' || request.length < LONG) return;
  const claims = Buffer.from(request.slice(UNSECURED_HEADER.length, -1), 'base64url').toString();
  if (unsecured(claims) !== request) return;
  delete stored['request'];
  stored['requestClaims'] = claims;
}

/** Reverses `shorten`. */
function lengthen(payload: Payload): void {
  const claims = payload['requestClaims'];
  if (typeof claims !== 'string') return;
  delete payload['requestClaims'];
  payload['request'] = unsecured(claims);
}

/** A stored record. */
export interface StoredRecord {
  /** SHA-256 of the id. */
  key: string;
  /** The payload as JSON, without the id and without what would reveal another. */
  json: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  grantId: string | null;
  /** Only for a record without a grant: a grant has its own account. */
  accountId: string | null;
  clientId: string | null;
}

/** @param now milliseconds. @param expiresIn seconds. @throws TypeError without it: nothing is kept for ever. */
function expiry(now: number, expiresIn: number | undefined): number {
  if (typeof expiresIn !== 'number' || !Number.isFinite(expiresIn))
    throw new TypeError('a record needs a lifetime');
  return now + expiresIn * 1000;
}

/** What is stored of `payload`. @param now milliseconds. @param expiresIn seconds. */
export function pack(id: string, payload: Payload, now: number, expiresIn: number | undefined): StoredRecord {
  const { jti: _id, consumed: _consumed, claimed: _claimed, claimedFrom: _from, ...stored } = payload;
  for (const name of SEALED) {
    const value = stored[name];
    if (typeof value === 'string') stored[name] = new Secrets(id).seal(name, value).toString('base64url');
  }
  shorten(stored);
  // Drop the session's id from interactions: sessions are found by uid.
  if (typeof stored['session'] === 'object' && stored['session'] !== null) {
    const { cookie: _cookie, ...session } = stored['session'] as Payload;
    stored['session'] = session;
  }
  // An access token may depend on another client's grant, which only its claims name.
  const grantId = textOf(payload['grantId']) ?? textOf((payload['extra'] as Payload | undefined)?.['gid']);
  const accountId = payload['accountId'];
  return {
    key: sha256(id),
    json: JSON.stringify(stored),
    expiresAt: expiry(now, expiresIn),
    grantId,
    accountId: grantId === null && isUuid(accountId) ? accountId : null,
    clientId: textOf(payload['clientId']),
  };
}

/** When a record was consumed, or claimed to be, in milliseconds, and where from. */
export interface Uses {
  consumedAt?: number | null;
  claimedAt?: number | null;
  claimedFrom?: string | null;
}

/** The payload of a stored record. */
export function unpack(
  id: string,
  stored: Payload,
  { consumedAt = null, claimedAt = null, claimedFrom = null }: Uses = {},
): Payload {
  const payload: Payload = { ...stored, jti: id };
  for (const name of SEALED) {
    const value = payload[name];
    if (typeof value === 'string')
      payload[name] = new Secrets(id).open(name, Buffer.from(value, 'base64url'));
  }
  lengthen(payload);
  if (consumedAt !== null) {
    payload['consumed'] = Math.floor(consumedAt / 1000);
    payload['consumedAt'] = consumedAt;
  } else if (claimedAt !== null) {
    payload['claimedAt'] = claimedAt;
  }
  if (claimedFrom !== null) payload['claimedFrom'] = claimedFrom;
  return payload;
}

/** Adapter methods that reusable models do not need. */
export function notConsumed(what: string): Pick<Adapter, 'claim' | 'consume' | 'release'> {
  const refuse = () => Promise.reject(new TypeError(`${what} is not consumed`));
  return { claim: refuse, consume: refuse, release: refuse };
}

/** The record is consumed, expired or unknown: another request won, or it is a replay. */
export class AlreadyConsumed extends Error {
  override readonly name = 'AlreadyConsumed';
}

/** Another request has claimed the record and is not answered yet. */
export class AlreadyClaimed extends Error {
  override readonly name = 'AlreadyClaimed';
}

/** This id was seen before and is still remembered. */
export class ReplayDetected extends Error {
  override readonly name = 'ReplayDetected';
}

/** The record's grant has ended, or its account may have none. */
export class GrantGone extends Error {
  override readonly name = 'GrantGone';
}

/**
 * Merges calls for the same key within one turn of the event loop: oidc-provider revokes a grant once for each model at the same
 * time, and one statement ends them all. Later calls run again, because something may have been written since.
 */
export function coalesce(work: (key: string) => Promise<void>): (key: string) => Promise<void> {
  const waiting = new Map<string, Promise<void>>();
  return (key) => {
    let done = waiting.get(key);
    if (!done) {
      done = Promise.resolve().then(() => {
        waiting.delete(key);
        return work(key);
      });
      waiting.set(key, done);
    }
    return done;
  };
}
