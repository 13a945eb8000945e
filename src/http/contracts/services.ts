import type { ContractSettings } from '../../config/index.ts';
import type { ApiKeys } from '../../domain/api-keys.ts';
import type { Login } from '../../domain/login.ts';
import type { Mfa } from '../../domain/mfa/index.ts';
import type { PasswordReset } from '../../domain/reset.ts';
import type { Accounts } from '../../domain/users/index.ts';
import type { Verification } from '../../domain/verification/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { ContractTokens } from '../../oidc/contracts/tokens.ts';

/** What the operations of contracts may use. */
export interface ContractServices {
  accounts: Accounts;
  login: Login;
  tokens: ContractTokens;
  apiKeys: ApiKeys;
  mfa: Mfa;
  reset: PasswordReset;
  verification: Verification;
  secrets: Secrets;
  clock: Clock;
  settings: ContractSettings;
  publicUrl: string;
  /** Asks each store for an answer; throws what is wrong with it. */
  checks: Record<string, () => Promise<void>>;
}
