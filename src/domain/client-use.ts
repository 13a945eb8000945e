import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Clients } from '../storage/clients.ts';

/** When clients were used last: by tokens, and by people who signed in to them. */
export interface ClientUse {
  /** Notes one use: memory alone. */
  note(clientId: string): void;
  /** Begins to write what was noted, every few seconds. */
  start(): void;
  /** Writes the rest. */
  stop(): Promise<void>;
}

interface Dependencies {
  clients: Pick<Clients, 'noteUse'>;
  clock: Clock;
  logger: Logger;
}

/** Milliseconds between two writes. */
const INTERVAL = 5_000;

export function createClientUse({ clients, clock, logger }: Dependencies): ClientUse {
  let used = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    if (used.size === 0) return;
    const taken = used;
    used = new Map();
    try {
      await clients.noteUse([...taken].map(([id, at]) => ({ id, at: new Date(at) })));
    } catch (error) {
      used = new Map([...taken, ...used]);
      logger.warn({ err: error }, 'the use of clients was not written yet');
    }
  }

  return {
    note: (clientId) => void used.set(clientId, clock.now()),
    start() {
      timer = setInterval(() => void write(), INTERVAL).unref();
    },
    async stop() {
      clearInterval(timer);
      await write();
    },
  };
}
