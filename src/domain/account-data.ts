import { DomainError } from '../core/errors.ts';
import type { ApiKey, ApiKeys } from './api-keys.ts';
import type { AccountEvent, History } from './history.ts';
import type { Mfa, MfaStatus } from './mfa/index.ts';
import type { AccountSession, AccountSessions, ConnectedApp } from './sessions.ts';
import type { LinkedIdentity, Linking } from './upstream.ts';
import type { Accounts, User } from './users/index.ts';

/** All that is kept of a person and that is theirs to take along: no secret is among it. */
export interface AccountData {
  account: User;
  factors: Pick<MfaStatus, 'totp' | 'passkeys' | 'recoveryCodesLeft'>;
  sessions: AccountSession[];
  apps: ConnectedApp[];
  /** At other providers. */
  identities: LinkedIdentity[];
  /** Of programs that act for the account. */
  apiKeys: ApiKey[];
  events: AccountEvent[];
}

/** Gathers it. @throws DomainError user_not_found. */
export type GatherAccountData = (accountId: string) => Promise<AccountData>;

interface Dependencies {
  accounts: Pick<Accounts, 'find'>;
  mfa: Pick<Mfa, 'status'>;
  accountSessions: Pick<AccountSessions, 'list' | 'apps'>;
  upstreamAccounts: Pick<Linking, 'identitiesOf'>;
  apiKeys: Pick<ApiKeys, 'list'>;
  history: History;
}

/** More events than anybody has in years. */
const EVENTS = 10_000;

export const createAccountData =
  ({ accounts, mfa, accountSessions, upstreamAccounts, apiKeys, history }: Dependencies): GatherAccountData =>
  async (accountId) => {
    const [account, { totp, passkeys, recoveryCodesLeft }, ...rest] = await Promise.all([
      accounts.find(accountId),
      mfa.status(accountId),
      accountSessions.list(accountId),
      accountSessions.apps(accountId),
      upstreamAccounts.identitiesOf(accountId),
      apiKeys.list(accountId),
      history(accountId, { limit: EVENTS }),
    ]);
    if (!account) throw new DomainError('user_not_found');
    const [sessions, apps, identities, keys, events] = rest;
    const factors = { totp, passkeys, recoveryCodesLeft };
    return { account, factors, sessions, apps, identities, apiKeys: keys, events };
  };
