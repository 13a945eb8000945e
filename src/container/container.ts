import type { RequestListener } from 'node:http';
import type { ApiKeys } from '../domain/api-keys.ts';
import type { AuditRetention } from '../domain/audit-retention.ts';
import type { ApiAdmin } from '../domain/apis.ts';
import type { ClientAdmin } from '../domain/clients.ts';
import type { ContractUsage } from '../domain/contract-usage.ts';
import type { Mfa } from '../domain/mfa/index.ts';
import type { Refusals } from '../domain/refusals/index.ts';
import type { RegistrationTokens } from '../domain/registration-tokens.ts';
import type { PasswordReset } from '../domain/reset/index.ts';
import type { AccountSessions } from '../domain/sessions/index.ts';
import type { UpstreamAdmin } from '../domain/upstream/admin.ts';
import type { Accounts } from '../domain/users/index.ts';
import type { Verification } from '../domain/verification/index.ts';
import type { Metrics } from '../http/ops/metrics.ts';
import type { KeyRing } from '../oidc/key-ring.ts';
import type { Audit } from '../storage/audit.ts';

/** What the server and the command work with. */
export interface Container {
  accounts: Accounts;
  verification: Verification;
  mfa: Mfa;
  reset: PasswordReset;
  accountSessions: AccountSessions;
  audit: Pick<Audit, 'list'>;
  auditRetention: AuditRetention;
  clients: ClientAdmin;
  apis: ApiAdmin;
  upstreams: UpstreamAdmin;
  apiKeys: ApiKeys;
  registrationTokens: RegistrationTokens;
  usage: ContractUsage;
  refusals: Refusals;
  keyRing: KeyRing;
  metrics: Metrics;
  /** Answers every request; to be used after `start`. */
  listener: RequestListener;
  /** Asks each store for an answer; throws what is wrong with it. */
  checks: Record<string, () => Promise<void>>;
  /** Reads keys and APIs and builds the provider. @throws StartupError with a wrong SECRETS_KEY. */
  start(): Promise<void>;
  /** Deletes what has expired, as a server does by the side. @returns how much, by kind. */
  sweep(): Promise<Record<string, number>>;
  /** Starts what a server does by the side: sweeping what has expired. */
  startBackground(): void;
  /** Ends everything that this opened. */
  close(): Promise<void>;
}
