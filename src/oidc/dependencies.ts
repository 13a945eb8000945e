import type { GuessLimit } from '../domain/lockout.ts';
import type { Impersonation } from '../domain/impersonation.ts';
import type { OpenRequests } from '../domain/open-requests.ts';
import type { AccountSessions } from '../domain/sessions.ts';
import type { Replies } from '../core/replies.ts';
import type { Counters } from '../storage/counters.ts';
import type { DeviceSignIns } from '../storage/sign-ins.ts';
import type { ClientRegistry } from './clients/registry.ts';
import type { ConfigurationDependencies } from './configuration.ts';
import type { ProviderEvents } from './events.ts';
import type { AcceptingDependencies } from './tokens/identity-assertions/accepting.ts';
import type { ActingAgents } from '../storage/acting-agents.ts';

/** Dependencies of the provider besides its keys. */
export interface ProviderDependencies extends ConfigurationDependencies {
  clients: ClientRegistry;
  /** Hashes of a client's valid secrets. */
  clientSecrets(clientId: string): Promise<string[]>;
  events: ProviderEvents;
  revokeToken(jti: string, expiresAt: number): Promise<void>;
  isUnavailable(error: unknown): boolean;
  counters: Counters;
  guessLimit: GuessLimit;
  openRequests: OpenRequests;
  replies: Replies;
  linkedAccount: AcceptingDependencies['linkedAccount'];
  actingAgents: Pick<ActingAgents, 'delegate'>;
  accountSessions: Pick<AccountSessions, 'holderOf' | 'end'>;
  impersonation: Pick<Impersonation, 'over' | 'end'>;
  deviceSignIns: Pick<DeviceSignIns, 'add'>;
}
