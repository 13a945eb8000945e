/** Sessions and connected apps of an account, for its owner to see and end. */
import type { Actor } from '../core/actor.ts';
import type { Allowed } from '../storage/consents.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { SessionRecord, Sessions } from '../storage/sessions.ts';
import type { TrustedDevices } from '../storage/factors.ts';
import type { Stores } from '../storage/stores.ts';
import { type Device, deviceOf } from './notices.ts';

/** A browser, or a device that was signed in by a code. */
export type AccountSession = Omit<SessionRecord, 'userAgent'> & Device;

export interface AccountSessions {
  /** The browsers and devices that the account is signed in with, latest sign-in first. */
  list(accountId: string): Promise<AccountSession[]>;
  /** The browser or device in which an app got its token's grant; null when it has signed out since. */
  holderOf(accountId: string, grantId: string): Promise<string | null>;
  /**
   * Ends one, with the grants of apps that depend on it, except those for offline access. A device that shares a browser's grant
   * ends that, too: its app is signed out of the browser as well.
   * @returns whether there was such a session.
   */
  end(accountId: string, uid: string, actor: Actor): Promise<boolean>;
  /**
   * Ends all but one, or all with null; and everything that acts for the account or skips its second factor: logins of contract
   * clients, its API keys, and remembered devices.
   * @returns how many sessions.
   */
  endOthers(accountId: string, uid: string | null, actor: Actor): Promise<number>;
  /** Clients with tokens or consent of the account, and agents that act for it by token exchange, by start time. */
  apps(accountId: string): Promise<ConnectedApp[]>;
  /**
   * Revokes all grants, consents, delegations and tokens of a client for an account and removes it from sessions. Tokens derived
   * from them by exchange end too. Earlier grants of other clients give it no new token.
   * @returns whether there was anything.
   */
  disconnect(accountId: string, clientId: string, actor: Actor): Promise<boolean>;
}

export function createAccountSessions(
  dependencies: Pick<
    Stores,
    | 'users'
    | 'sessions'
    | 'deviceSignIns'
    | 'grants'
    | 'consents'
    | 'actingAgents'
    | 'apiKeys'
    | 'audit'
    | 'inTransaction'
  > & {
    /** Ends grants in `tx`, with every token under them. */
    revocation: {
      endGrantsById(grantIds: string[], tx: Tx): Promise<void>;
      endDelegation(delegation: string, tx: Tx): Promise<void>;
      endGrants(accountId: string, clientId: string, tx: Tx): Promise<void>;
      endContractGrants(accountIds: readonly string[], tx: Tx): Promise<void>;
    };
    trustedDevices: Pick<TrustedDevices, 'deleteAll'>;
  },
): AccountSessions {
  const { users, sessions, deviceSignIns, grants, consents, revocation, audit, inTransaction } = dependencies;
  const { actingAgents, apiKeys, trustedDevices } = dependencies;

  /** @returns how many. */
  const endSessions = async (accountId: string, which: Parameters<Sessions['end']>[1], tx: Tx) => {
    await users.advanceSecurity(accountId, tx);
    const gone = await sessions.end(accountId, which, tx);
    // Lock the sessions first: a device is approved before that, or not at all.
    const devices = await deviceSignIns.lockGrants(accountId, which, tx);
    await revocation.endGrantsById([...gone.flatMap(({ grantIds }) => grantIds), ...devices], tx);
    return gone.length + devices.length;
  };

  return {
    async list(accountId) {
      const lists = await Promise.all([sessions.listOf(accountId), deviceSignIns.listOf(accountId)]);
      return lists
        .flat()
        .sort((a, b) => b.signedInAt.getTime() - a.signedInAt.getTime())
        .map(({ userAgent, ...record }) => ({ ...record, ...deviceOf(userAgent) }));
    },
    holderOf: async (accountId, grantId) =>
      (await sessions.holderOf(accountId, grantId)) ?? deviceSignIns.holderOf(accountId, grantId),
    end: (accountId, uid, actor) =>
      inTransaction(async (tx) => {
        const ended = await endSessions(accountId, { uid }, tx);
        if (ended === 0) return false;
        const details = { sessions: ended };
        await audit.record({ type: 'session.ended', subject: accountId, details }, actor, tx);
        return true;
      }),
    endOthers: (accountId, uid, actor) =>
      inTransaction(async (tx) => {
        const ended = await endSessions(accountId, { except: uid ?? '' }, tx);
        await revocation.endContractGrants([accountId], tx);
        await trustedDevices.deleteAll(accountId, tx);
        const details = { sessions: ended, apiKeys: await apiKeys.deleteOf(accountId, tx) };
        await audit.record({ type: 'session.ended', subject: accountId, details }, actor, tx);
        return ended;
      }),
    async apps(accountId) {
      const [held, remembered, agents] = await Promise.all([
        grants.listOf(accountId),
        consents.listOf(accountId),
        actingAgents.listOf(accountId),
      ]);
      const delegated = agents
        .filter(({ delegation }) => delegation !== null)
        .map(({ resourceScopes, ...agent }) => ({
          ...agent,
          allowed: { oidcScopes: [], oidcClaims: [], resourceScopes },
        }));
      const usedAt = new Map(agents.map(({ clientId, lastUsedAt }) => [clientId, lastUsedAt]));
      return connectedApps([...remembered, ...held, ...delegated]).map((app) => ({
        ...app,
        lastUsedAt: usedAt.get(app.clientId) ?? null,
      }));
    },
    disconnect: (accountId, clientId, actor) =>
      inTransaction(async (tx) => {
        const held = await grants.listOf(accountId);
        const forgot = await consents.delete(accountId, clientId, tx);
        const delegation = await actingAgents.end(accountId, clientId, tx);
        const isHeld = held.some((grant) => grant.clientId === clientId);
        if (!forgot && !isHeld && delegation === null) return false;
        if (delegation !== null) await revocation.endDelegation(delegation, tx);
        await revocation.endGrants(accountId, clientId, tx);
        await sessions.leave(accountId, clientId, tx);
        await audit.record({ type: 'grant.revoked', subject: accountId, clientId }, actor, tx);
        return true;
      }),
  };
}

/** A client, everything it may do, and since when. */
export interface ConnectedApp {
  clientId: string;
  allowed: Allowed;
  since: Date;
  /** When an agent last got a token; null for other apps. */
  lastUsedAt: Date | null;
}

const union = (a: string[], b: string[] = []): string[] => [...new Set([...a, ...b])];

function joined(a: Allowed, b: Allowed): Allowed {
  const apis = union(Object.keys(a.resourceScopes), Object.keys(b.resourceScopes));
  return {
    oidcScopes: union(a.oidcScopes, b.oidcScopes),
    oidcClaims: union(a.oidcClaims, b.oidcClaims),
    resourceScopes: Object.fromEntries(
      apis.map((api) => [api, union(a.resourceScopes[api] ?? [], b.resourceScopes[api])]),
    ),
  };
}

/** Merges consents given at different times into one entry per client, earliest first. */
export function connectedApps(
  records: readonly { clientId: string; allowed: Allowed; createdAt: Date }[],
): Omit<ConnectedApp, 'lastUsedAt'>[] {
  const apps = new Map<string, Omit<ConnectedApp, 'lastUsedAt'>>();
  for (const { clientId, allowed, createdAt } of records) {
    const known = apps.get(clientId);
    apps.set(clientId, {
      clientId,
      allowed: known ? joined(known.allowed, allowed) : allowed,
      since: known && known.since < createdAt ? known.since : createdAt,
    });
  }
  return [...apps.values()].sort((a, b) => a.since.getTime() - b.since.getTime());
}
