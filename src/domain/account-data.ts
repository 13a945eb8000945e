import { DomainError } from '../kernel/errors.ts';
import type { AccountEvent, History } from './history.ts';
import type { Mfa, MfaStatus } from './mfa/index.ts';
import type { AccountSessions, ConnectedApp, SignedInBrowser } from './sessions/index.ts';
import type { LinkedIdentity, Linking } from './upstream/linking.ts';
import type { Accounts, User } from './users/index.ts';

/** All that is kept of a person and that is theirs to take along: no secret is among it. */
export interface AccountData {
  account: User;
  factors: Pick<MfaStatus, 'totp' | 'passkeys' | 'recoveryCodesLeft'>;
  sessions: SignedInBrowser[];
  apps: ConnectedApp[];
  /** At other providers. */
  identities: LinkedIdentity[];
  events: AccountEvent[];
}

/** Gathers it. @throws DomainError user_not_found. */
export type GatherAccountData = (accountId: string) => Promise<AccountData>;

interface Dependencies {
  accounts: Pick<Accounts, 'find'>;
  mfa: Pick<Mfa, 'status'>;
  accountSessions: Pick<AccountSessions, 'list' | 'apps'>;
  upstreamAccounts: Pick<Linking, 'identitiesOf'>;
  history: History;
}

/** More events than anybody has in years. */
const EVENTS = 10_000;

export const createAccountData =
  ({ accounts, mfa, accountSessions, upstreamAccounts, history }: Dependencies): GatherAccountData =>
  async (accountId) => {
    const [account, { totp, passkeys, recoveryCodesLeft }, sessions, apps, identities, events] =
      await Promise.all([
        accounts.find(accountId),
        mfa.status(accountId),
        accountSessions.list(accountId),
        accountSessions.apps(accountId),
        upstreamAccounts.identitiesOf(accountId),
        history(accountId, { limit: EVENTS }),
      ]);
    if (!account) throw new DomainError('user_not_found');
    return { account, factors: { totp, passkeys, recoveryCodesLeft }, sessions, apps, identities, events };
  };
