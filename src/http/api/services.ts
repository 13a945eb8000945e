import type { GatherAccountData } from '../../domain/account-data.ts';
import type { ApiKeys } from '../../domain/api-keys.ts';
import type { History } from '../../domain/history.ts';
import type { Mfa } from '../../domain/mfa/index.ts';
import type { AccountSessions } from '../../domain/sessions.ts';
import type { Linking } from '../../domain/upstream.ts';
import type { Accounts } from '../../domain/users/index.ts';
import type { Verification } from '../../domain/verification/index.ts';
import type { Described } from '../../oidc/interactions/interactions.ts';

/** What the operations of the API may use. */
export interface ApiServices {
  accounts: Pick<Accounts, 'find' | 'update' | 'changePassword' | 'remove'>;
  verification: Pick<Verification, 'request' | 'requestChange'>;
  mfa: Mfa;
  accountSessions: AccountSessions;
  history: History;
  accountData: GatherAccountData;
  apiKeys: Pick<ApiKeys, 'list' | 'revoke'>;
  /** At other providers. */
  identities: Pick<Linking, 'identitiesOf' | 'unlink'>;
  /** A client as it is shown; undefined fields of one that is gone. */
  describeClient(clientId: string): Promise<Described['client']>;
}
