import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { createPeriodicWriter, type PeriodicWriter } from '../core/periodic-writer.ts';
import type { Stores } from '../storage/stores.ts';

/** When clients were used last: by tokens, and by people who signed in to them. */
export interface ClientUse extends PeriodicWriter {
  /** Notes one use: memory alone. */
  note(clientId: string): void;
}

/** Milliseconds between two writes. */
const INTERVAL = 5_000;

export function createClientUse({
  clients,
  clock,
  logger,
}: Pick<Stores, 'clients'> & { clock: Clock; logger: Logger }): ClientUse {
  let used = new Map<string, number>();

  async function write(): Promise<void> {
    if (used.size === 0) return;
    const taken = used;
    used = new Map();
    try {
      await clients.noteUse([...taken].map(([id, at]) => ({ id, at: new Date(at) })));
    } catch (error) {
      used = new Map([...taken, ...used]);
      throw error;
    }
  }

  return {
    note: (clientId) => void used.set(clientId, clock.now()),
    ...createPeriodicWriter(INTERVAL, write, (error) =>
      logger.warn({ err: error }, 'the use of clients was not written yet'),
    ),
  };
}
