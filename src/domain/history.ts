import { DomainError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import type { AccountCounts, OwnEvent, ReadOverview } from '../storage/account-overview.ts';
import type { Audit, AuditRecord } from '../storage/audit.ts';
import type { Imports } from '../storage/imports.ts';
import type { AccountRefusalRow } from '../storage/refusals.ts';
import type { Stores } from '../storage/stores.ts';
import type { ApiKey, ApiKeys } from './api-keys.ts';
import type { Mfa, MfaStatus } from './mfa/index.ts';
import { type Device, deviceOf } from './notices.ts';
import type { AccountSession, AccountSessions, ConnectedApp } from './sessions.ts';
import type { LinkedIdentity, Linking } from './upstream.ts';
import type { Accounts, User } from './users/index.ts';

/** An event of an account, as its owner may see it. */
export type AccountEvent = Pick<AuditRecord, 'id' | 'type' | 'outcome' | 'at'> &
  Device & { door: string; ip: string | null; clientId: string | null };

/** What happened to an account, newest first. `after` is the id of the last event seen; an unknown id finds nothing. */
export type History = (
  accountId: string,
  options: { limit: number; after?: string | undefined },
) => Promise<AccountEvent[]>;

const toAccountEvent = ({
  id,
  type,
  outcome,
  at,
  clientId,
  door,
  ip,
  userAgent,
}: OwnEvent): AccountEvent => ({ id, type, outcome, at, clientId, door, ip, ...deviceOf(userAgent) });

export const createHistory =
  (audit: Pick<Audit, 'list'>): History =>
  async (subject, { limit, after }) => {
    if (after !== undefined && !isUuid(after)) return [];
    const records = await audit.list({ subject, limit, ...(after === undefined ? {} : { after }) });
    return records.map(({ id, type, outcome, at, clientId, actor: { door, ip, userAgent } }) =>
      toAccountEvent({ id, type, outcome, at, clientId, door, ip, userAgent }),
    );
  };

/** How much an account has of what its owner can manage, and its newest events. */
export interface Overview {
  counts: AccountCounts;
  /** Newest first. */
  events: AccountEvent[];
}

/** Reads at most `limit` events. */
export type OverviewOf = (accountId: string, limit: number) => Promise<Overview>;

export const createOverview =
  (read: ReadOverview): OverviewOf =>
  async (accountId, limit) => {
    const { counts, events } = await read(accountId, limit);
    return { counts, events: events.map(toAccountEvent) };
  };

/** Another service that an account came from. */
export interface Origin {
  /** As the import named it. */
  source: string;
  /** Its id there. */
  sourceId: string;
  importedAt: Date;
}

/** Where an account came from, first import first; empty for one created here. */
export type FindOrigins = (accountId: string) => Promise<Origin[]>;

export const createFindOrigins =
  (imports: Pick<Imports, 'of'>): FindOrigins =>
  async (accountId) =>
    (await imports.of(accountId)).map(({ source, sourceId, createdAt }) => ({
      source,
      sourceId,
      importedAt: createdAt,
    }));

/** All of a person's data that they may take along, without secrets. */
export interface AccountData {
  account: User;
  origins: Origin[];
  factors: Pick<MfaStatus, 'totp' | 'passkeys' | 'recoveryCodesLeft'>;
  sessions: AccountSession[];
  apps: ConnectedApp[];
  /** Identities at other providers. */
  identities: LinkedIdentity[];
  /** The directory's record of the person; null when there is none. */
  directory: DirectoryData | null;
  /** Keys of programs that act for the account. */
  apiKeys: ApiKey[];
  /** Refusals to apps that asked for the person, within 30 days. */
  refusals: Omit<AccountRefusalRow, 'accountId' | 'fingerprint'>[];
  events: AccountEvent[];
}

/** A directory's record of a person, received over SCIM. */
export interface DirectoryData {
  userName: string;
  /** By their SCIM names. */
  attributes: Record<string, unknown>;
}

/** Collects it. @throws DomainError user_not_found. */
export type GatherAccountData = (accountId: string) => Promise<AccountData>;

/** More events than anybody has in years. */
const EVENTS = 10_000;

export const createAccountData =
  ({
    accounts,
    mfa,
    accountSessions,
    upstreamAccounts,
    apiKeys,
    history,
    findOrigins,
    directory,
    refusals,
  }: Pick<Stores, 'directory' | 'refusals'> & {
    accounts: Pick<Accounts, 'find'>;
    mfa: Pick<Mfa, 'status'>;
    accountSessions: Pick<AccountSessions, 'list' | 'apps'>;
    upstreamAccounts: Pick<Linking, 'identitiesOf'>;
    apiKeys: Pick<ApiKeys, 'list'>;
    history: History;
    findOrigins: FindOrigins;
  }): GatherAccountData =>
  async (accountId) => {
    const [account, { totp, passkeys, recoveryCodesLeft }, ...rest] = await Promise.all([
      accounts.find(accountId),
      mfa.status(accountId),
      accountSessions.list(accountId),
      accountSessions.apps(accountId),
      upstreamAccounts.identitiesOf(accountId),
      apiKeys.list(accountId),
      history(accountId, { limit: EVENTS }),
      directory.entriesOf([accountId]),
      findOrigins(accountId),
      refusals.listPersonal(accountId),
    ]);
    if (!account) throw new DomainError('user_not_found');
    const [sessions, apps, identities, keys, events, [entry], origins, refused] = rest;
    const directoryEntry = entry ? { userName: entry.userName, attributes: entry.attributes } : null;
    const factors = { totp, passkeys, recoveryCodesLeft };
    return {
      account,
      origins,
      factors,
      sessions,
      apps,
      identities,
      directory: directoryEntry,
      apiKeys: keys,
      refusals: refused.map(({ accountId: _account, fingerprint: _fingerprint, ...refusal }) => refusal),
      events,
    };
  };
