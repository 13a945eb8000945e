import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { createPeriodicWriter, type PeriodicWriter } from '../core/periodic-writer.ts';
import type { AgentUse } from '../storage/acting-agents.ts';
import type { Stores } from '../storage/stores.ts';

/** When clients were last used: by tokens, and by people who signed in to them; and when agents acted for whom. */
export interface ClientUse extends PeriodicWriter {
  /** Records one use, in memory only. */
  note(clientId: string): void;
  /** The same for an agent that got a token for an account. */
  noteAgent(clientId: string, accountId: string): void;
}

/** Milliseconds between two writes. */
const INTERVAL = 5_000;

export function createClientUse({
  clients,
  actingAgents,
  clock,
  logger,
}: Pick<Stores, 'clients' | 'actingAgents'> & { clock: Clock; logger: Logger }): ClientUse {
  let used = new Map<string, number>();
  /** By agent and account. */
  let acted = new Map<string, AgentUse>();

  async function write(): Promise<void> {
    const [uses, agents] = [used, acted];
    used = new Map();
    acted = new Map();
    try {
      if (uses.size > 0) await clients.noteUse([...uses].map(([id, at]) => ({ id, at: new Date(at) })));
      if (agents.size > 0) await actingAgents.noteUse([...agents.values()]);
    } catch (error) {
      used = new Map([...uses, ...used]);
      acted = new Map([...agents, ...acted]);
      throw error;
    }
  }

  return {
    note: (clientId) => void used.set(clientId, clock.now()),
    noteAgent: (clientId, accountId) =>
      void acted.set(`${accountId} ${clientId}`, { accountId, clientId, at: new Date(clock.now()) }),
    ...createPeriodicWriter(INTERVAL, write, (error) =>
      logger.warn({ err: error }, 'the use of clients was not written yet'),
    ),
  };
}
