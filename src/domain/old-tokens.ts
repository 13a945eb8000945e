/** Tokens of the service that a door replaces: accepted until they expire, and exchanged once for tokens of Postern. */
import { createHash, createPublicKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JWTPayload } from 'jose';
import { LRUCache } from 'lru-cache';
import type { OldKey, OldTokenSettings } from '../config/index.ts';
import { type Clock, dayOf } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import type { Logger } from '../core/logger.ts';
import { createPeriodicWriter, type PeriodicWriter } from '../core/periodic-writer.ts';
import { unverifiedClaims } from '../core/tokens.ts';
import type { OldTokenStore, OldTokenUseRow } from '../storage/old-tokens.ts';
import type { LegacyAccounts } from './legacy/index.ts';
import type { ShownToken } from './legacy/source.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { UserRecord } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';

/** A valid access token of an old service. */
export interface OldAccessToken {
  account: UserRecord;
  /** Seconds since the epoch. */
  issuedAt: number;
  expiresAt: number;
}

/** A refresh token of an old service that may be exchanged. */
export interface OldRefresh {
  accountId: string;
  /** When its owner signed in there, if the token says so; seconds since the epoch. */
  authTime: number;
  /**
   * Uses it up and exchanges it for the result of `issue`. One of concurrent attempts succeeds; where the door hands out no new
   * refresh token, the others get what `again` makes of the first one's.
   * @throws DomainError invalid_token, what they throw.
   */
  exchange<T extends { refreshToken: string }>(
    isRotating: boolean,
    issue: () => Promise<T>,
    again: (refreshToken: string) => Promise<T>,
  ): Promise<T>;
}

export interface OldTokens extends PeriodicWriter {
  /** Null for a foreign, expired or ended token. @throws DomainError unavailable. */
  access(door: string, token: string): Promise<OldAccessToken | null>;
  /** Whether it was one of the door's that has only expired. */
  hasExpired(door: string, token: string): Promise<boolean>;
  /**
   * Null for anything but a refresh token of the old service. @throws DomainError invalid_token when it is expired
   * or ended; unavailable.
   */
  refresh(door: string, token: string): Promise<OldRefresh | null>;
  /** Ends all that an account has of its old service. */
  end(accountId: string, tx?: Tx): Promise<void>;
}

/** Called for each presented token. */
export type ObserveOldToken = (door: string, kind: OldTokenUseRow['kind']) => void;

/** Signatures checked recently: a client presents its token many times. */
const MAX_REMEMBERED = 10_000;
/** Characters of a token, signed or opaque. */
const MAX_TOKEN_LENGTH = 8192;
/** Milliseconds between two flushes of the counts. */
const INTERVAL = 10_000;
/** Milliseconds to wait for the parallel request that exchanges the same token. */
const PATIENCE = { all: 3_000, step: 50 };

/** Loaded with the first token: most commands don't need it. */
const loadJose = () => import('jose');

/** Verification options of a contract, per key. */
async function verifierOf({ alg, secret, key, jwksUrl, encoding }: OldKey, fetch: typeof globalThis.fetch) {
  const { createRemoteJWKSet, customFetch, errors, jwtVerify } = await loadJose();
  const options = { algorithms: [alg] };
  if (jwksUrl !== undefined) {
    const keys = createRemoteJWKSet(new URL(jwksUrl), { [customFetch]: fetch });
    return async (token: string, more: object) => {
      try {
        return await jwtVerify(token, keys, { ...options, ...more });
      } catch (error) {
        if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
        // Keys without an id: any may match.
        for await (const one of error)
          try {
            return await jwtVerify(token, one, { ...options, ...more });
          } catch (failure) {
            if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
          }
        throw new errors.JWSSignatureVerificationFailed();
      }
    };
  }
  const found =
    secret === undefined
      ? createPublicKey(key ?? '')
      : Buffer.from(secret, encoding === 'base64' ? 'base64' : 'utf8');
  return (token: string, more: object) => jwtVerify(token, found, { ...options, ...more });
}

/** Codes of jose for unavailable keys; all others mean an invalid token. */
const KEYS_FAILED = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

/** The claims that distinguish refresh tokens from access tokens. */
const KINDS = ['type', 'token_type', 'typ', 'token_use'];

/** Hashes under which an opaque token may have been imported. */
const hashesOf = (token: string): string[] =>
  ['sha256', 'sha512', 'sha1'].map((algorithm) => createHash(algorithm).update(token).digest('hex'));

export function createOldTokens(
  dependencies: Pick<Stores, 'users'> & {
    settings: Readonly<Record<string, OldTokenSettings>>;
    store: OldTokenStore;
    /** Creates the account of a token when it is not here. @throws DomainError. */
    bringOver: LegacyAccounts['bringOver'];
    clock: Clock;
    logger: Logger;
    /** Goes to public addresses over https, or to those that `outbound.allow` lists. */
    fetch: typeof globalThis.fetch;
    observe?: ObserveOldToken | undefined;
  },
): OldTokens {
  const { settings, store, users, bringOver, clock, logger, fetch, observe } = dependencies;
  const doors = new Map(
    Object.entries(settings).map(([name, one]) => {
      let made: ReturnType<typeof make> | undefined;
      const make = () => Promise.all(one.keys.map((key) => verifierOf(key, fetch)));
      return [name, { ...one, verifiers: () => (made ??= make()) }];
    }),
  );
  type Door = NonNullable<ReturnType<typeof doors.get>>;
  // Made with the first token: even an empty one takes 2 ms and a third of a megabyte.
  let verified: LRUCache<string, JWTPayload> | undefined;
  let counts = new Map<string, OldTokenUseRow>();

  const count = (door: string, kind: OldTokenUseRow['kind']) => {
    observe?.(door, kind);
    const [day, key] = [dayOf(clock.now()), `${door} ${kind} ${dayOf(clock.now())}`];
    const known = counts.get(key);
    const lastUsedAt = new Date(clock.now());
    counts.set(key, { door, kind, day, uses: (known?.uses ?? 0) + 1, lastUsedAt });
  };

  /** The door, unless its last day is over. */
  const openDoor = (name: string): Door | null => {
    const door = doors.get(name);
    return door && clock.now() < door.endsAt ? door : null;
  };

  /** The claims of a token signed with one of the door's keys, even an expired one. */
  const claimsOf = async (name: string, door: Door, token: string): Promise<JWTPayload | null> => {
    if (token.length > MAX_TOKEN_LENGTH || token.split('.').length !== 3) return null;
    const hash = `${name} ${sha256(token)}`;
    const known = verified?.get(hash);
    if (known) return known;
    // Don't fetch keys for a token of another issuer.
    if (unverifiedClaims(token)?.['iss'] !== door.issuer) return null;
    const { errors } = await loadJose();
    for (const verify of await door.verifiers()) {
      try {
        const { payload } = await verify(token, {
          issuer: door.issuer,
          ...(door.audience !== undefined && { audience: door.audience }),
          // Compare the times below, on every call.
          currentDate: new Date(0),
          clockTolerance: Number.MAX_SAFE_INTEGER,
        });
        verified ??= new LRUCache({ max: MAX_REMEMBERED });
        verified.set(hash, payload);
        return payload;
      } catch (error) {
        const { code } = error as { code?: unknown };
        // The generic code means an answer that is no success or no JSON.
        const isOfToken = error instanceof errors.JOSEError && !KEYS_FAILED.has(String(code));
        if (!isOfToken) {
          logger.warn({ door: name }, 'the keys of old tokens cannot be had');
          throw new DomainError('unavailable', {}, { cause: error });
        }
      }
    }
    return null;
  };

  /** The type of a token; null when it has none. */
  const purposeOf = ({ refresh }: Door, claims: JWTPayload): 'access' | 'refresh' | 'id' | null => {
    if (refresh) return claims[refresh.claim] === refresh.value ? 'refresh' : 'access';
    const use = KINDS.map((name) => claims[name]).find((value) => typeof value === 'string');
    if (use === undefined) return null;
    return /refresh/i.test(use) ? 'refresh' : /^id/i.test(use) ? 'id' : 'access';
  };
  const isFor = (door: Door, claims: JWTPayload, purpose: 'access' | 'refresh') =>
    (purposeOf(door, claims) ?? purpose) === purpose;

  const hasEnded = (claims: JWTPayload): boolean =>
    clock.now() >= (claims.exp ?? Infinity) * 1000 || clock.now() < (claims.nbf ?? 0) * 1000;

  /**
   * Finds the account of a token issued at a time, and creates it when it is not here; null when unknown, or when its tokens
   * have been ended.
   * @throws DomainError when its source cannot answer, or it cannot be created now.
   */
  const ownerOf = async (
    id: unknown,
    source: string | null,
    issuedAt: number | null,
    shown: Pick<ShownToken, 'kind' | 'token'>,
  ): Promise<UserRecord | null> => {
    if (typeof id !== 'string' && typeof id !== 'number') return null;
    const sourceId = String(id);
    let owners = await store.owners(sourceId, source);
    if (owners.length === 0 && (await bringOver(source, { ...shown, sourceId })))
      owners = await store.owners(sourceId, source);
    const [owner, another] = owners;
    if (!owner || another) return null;
    if (owner.endedAt && (issuedAt === null || issuedAt <= owner.endedAt.getTime())) return null;
    const account = await users.findById(owner.accountId);
    return account?.status === 'active' ? account : null;
  };

  const ownerBy = (door: Door, claims: JWTPayload, shown: Pick<ShownToken, 'kind' | 'token'>) =>
    ownerOf(
      claims[door.account.source_id],
      door.account.source ?? null,
      claims.iat === undefined ? null : claims.iat * 1000,
      shown,
    );

  const whole = (seconds: number | undefined, otherwise: number) => Math.floor(seconds ?? otherwise);

  /** @param row the consumed row. */
  const refreshOf = (
    name: string,
    account: UserRecord,
    authTime: number,
    row: Parameters<OldTokenStore['claim']>[0],
  ): OldRefresh => ({
    accountId: account.id,
    authTime,
    async exchange(isRotating, issue, again) {
      const { door, hash } = row;
      if (await store.claim(row, new Date(clock.now()))) {
        try {
          const issued = await issue();
          if (!isRotating) await store.exchanged(door, hash, issued.refreshToken);
          count(name, 'refresh');
          return issued;
        } catch (error) {
          await store.unclaim(door, hash);
          throw error;
        }
      }
      const patience = isRotating ? 0 : PATIENCE.all;
      for (let waited = 0; waited < patience; waited += PATIENCE.step) {
        const found = await store.find(door, [hash]);
        if (!found?.usedAt) break;
        if (found.exchanged !== null) {
          count(name, 'refresh');
          return again(found.exchanged);
        }
        await sleep(PATIENCE.step);
      }
      count(name, 'refused');
      throw new DomainError('invalid_token');
    },
  });

  async function write(): Promise<void> {
    const taken = [...counts.values()];
    if (taken.length === 0) return;
    counts = new Map();
    try {
      await store.addUses(taken);
    } catch (error) {
      for (const row of taken) {
        const key = `${row.door} ${row.kind} ${row.day}`;
        counts.set(key, { ...row, uses: row.uses + (counts.get(key)?.uses ?? 0) });
      }
      throw error;
    }
  }

  return {
    async access(name, token) {
      const door = openDoor(name);
      const claims = door && (await claimsOf(name, door, token));
      if (!door || !claims) return null;
      const isGood = !hasEnded(claims) && isFor(door, claims, 'access');
      const account = isGood ? await ownerBy(door, claims, { kind: 'access', token }) : null;
      count(name, account ? 'access' : 'refused');
      return (
        account && {
          account,
          issuedAt: whole(claims.iat, 0),
          expiresAt: whole(claims.exp, door.endsAt / 1000),
        }
      );
    },
    async hasExpired(name, token) {
      const door = openDoor(name);
      const claims = door && (await claimsOf(name, door, token));
      return claims !== null && claims?.exp !== undefined && clock.now() >= claims.exp * 1000;
    },
    async refresh(name, token) {
      const door = openDoor(name);
      if (!door || token.length > MAX_TOKEN_LENGTH) return null;
      const refuse = (): never => {
        count(name, 'refused');
        throw new DomainError('invalid_token');
      };
      const claims = await claimsOf(name, door, token);
      if (claims) {
        if (hasEnded(claims) || !isFor(door, claims, 'refresh')) return refuse();
        const account = await ownerBy(door, claims, { kind: 'refresh', token });
        if (!account) return refuse();
        const [sourceId, source] = [String(claims[door.account.source_id]), door.account.source ?? null];
        const at = (seconds: number | undefined) => (seconds === undefined ? null : new Date(seconds * 1000));
        const expiresAt = at(claims.exp) ?? new Date(door.endsAt);
        const [hash = ''] = hashesOf(token);
        const row = { door: name, hash, source, sourceId, issuedAt: at(claims.iat), expiresAt };
        const signedIn = claims['auth_time'] ?? claims.iat;
        return refreshOf(name, account, whole(typeof signedIn === 'number' ? signedIn : undefined, 0), row);
      }
      const found = await store.find(name, hashesOf(token));
      if (!found) return null;
      if (found.expiresAt && found.expiresAt.getTime() <= clock.now()) return refuse();
      const issuedAt = (found.issuedAt ?? found.createdAt).getTime();
      const source = found.source ?? door.account.source ?? null;
      const account = await ownerOf(found.sourceId, source, issuedAt, { kind: 'refresh', token });
      if (!account) return refuse();
      return refreshOf(name, account, Math.floor(issuedAt / 1000), found);
    },
    async end(accountId, tx) {
      if (doors.size > 0) await store.end(accountId, new Date(clock.now()), tx);
    },
    ...createPeriodicWriter(INTERVAL, write, (error) =>
      logger.warn({ err: error }, 'the use of old tokens was not written yet'),
    ),
  };
}
