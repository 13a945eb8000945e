import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Assignment } from '../../main.ts';

type CollectGarbage = (options: { type: string; execution: string; flavor: string }) => void;

/**
 * Gives back what loading and compiling needed, which V8 would keep for as long as the server is idle: a quarter of
 * the process. Takes a tenth of a second, once.
 */
export function releaseMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as CollectGarbage;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Milliseconds in which a second signal is an echo of the first: npm passes on what the terminal sent to all. */
const ECHO = 1_000;

/** Resolves at the first SIGTERM or SIGINT. At another one, later, the process ends at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = () => {
      first ??= performance.now();
      if (performance.now() - first > ECHO) process.exit(1);
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}

/** What the primary sends to a worker. */
export type ToWorker =
  | ({ type: 'postern:serve' } & Assignment)
  /** Takes no more connections: answered by `postern:closed`. */
  | { type: 'postern:close' }
  /** Finishes and ends, once all workers have closed. */
  | { type: 'postern:drain' };

/** What a worker sends to the primary. */
export type FromWorker =
  | { type: 'postern:ready'; firstAdmin: Admin | null }
  | { type: 'postern:closed' }
  /** It could not start; `reason` is for the operator. */
  | { type: 'postern:failed'; reason: string };

/** The first administrator as the operator is told of them. */
export interface Admin {
  email: string;
  /** Null when the operator chose it. */
  password: string | null;
}
