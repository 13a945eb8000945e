import type { Clock } from '../../core/clock.ts';
import { sha256 } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import type { RefusalRow, RefusalStore } from '../../storage/refusals.ts';

/** A request that was refused: text alone, of bounded length, without a secret and without control characters. */
export interface Refusal {
  /** Which endpoint, as discovery has it, without `_endpoint`. */
  endpoint: string;
  /** The OAuth error code. */
  error: string;
  /** What of the request was wrong: a parameter, a header, a property of the client's metadata. */
  parameter: string | null;
  /** Its value, unless it is a secret. */
  value: string | null;
  /** The precise reason, which the client is not always told. */
  reason: string;
  /** The request's X-Request-Id. */
  requestId: string;
}

/** The latest refusals of each client, for whoever connects it. */
export interface Refusals {
  /** Records one in memory. */
  note(clientId: string, refusal: Refusal): void;
  /** A client's, the latest first, of all processes. */
  list(clientId: string): Promise<RefusalRow[]>;
  /** Begins to write what was noted, every second. */
  start(): void;
  /** Flushes and stops. */
  stop(): Promise<void>;
}

/** Milliseconds between two writes. */
const INTERVAL = 1_000;
/** What waits to be written is made by strangers: so many kinds of it, and so many of each, the latest. */
const MOST = { kinds: 500, alike: 5 };

interface Dependencies {
  store: RefusalStore;
  clock: Clock;
  logger: Logger;
}

const kindOf = (clientId: string, { endpoint, error, parameter }: Refusal): string =>
  JSON.stringify([clientId, endpoint, error, parameter]);

const fingerprintOf = ({ endpoint, error, parameter, value, reason }: Refusal): string =>
  sha256(JSON.stringify([endpoint, error, parameter, value, reason]));

export function createRefusals({ store, clock, logger }: Dependencies): Refusals {
  /** By kind, then by fingerprint, the latest last. */
  let waiting = new Map<string, Map<string, RefusalRow>>();
  let timer: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    if (waiting.size === 0) return;
    const rows = [...waiting.values()].flatMap((alike) => [...alike.values()]);
    waiting = new Map();
    await store
      .add(rows)
      // Losing some is acceptable: the log has them too.
      .catch((error: unknown) => logger.warn({ err: error }, 'refusals were not written'));
  }

  return {
    note(clientId, refusal) {
      const kind = kindOf(clientId, refusal);
      const alike = waiting.get(kind) ?? new Map<string, RefusalRow>();
      if (alike.size === 0 && waiting.size >= MOST.kinds) return;
      waiting.set(kind, alike);
      const fingerprint = fingerprintOf(refusal);
      const lastAt = new Date(clock.now());
      const { count = 0, firstAt = lastAt } = alike.get(fingerprint) ?? {};
      alike.delete(fingerprint);
      const [oldest] = alike.keys();
      if (alike.size >= MOST.alike && oldest !== undefined) alike.delete(oldest);
      alike.set(fingerprint, { clientId, fingerprint, ...refusal, count: count + 1, firstAt, lastAt });
    },
    list: (clientId) => store.list(clientId),
    start() {
      timer = setInterval(() => void write(), INTERVAL).unref();
    },
    async stop() {
      clearInterval(timer);
      await write();
    },
  };
}
