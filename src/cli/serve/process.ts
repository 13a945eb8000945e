import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { READY_FLAG } from '../../../bin/flags.js';
import { keepPackages } from '../../../bin/packages.js';
import type { Assignment } from '../../main.ts';

type CollectGarbage = (options: { type: string; execution: string; flavor: string }) => void;

/** Milliseconds: whoever waits for the server to become ready is answered first. */
const LATER = 200;

/**
 * Frees the memory that loading and compiling needed, a little later: a quarter of the process, which V8 would keep
 * while idle. Takes a tenth of a second, once. From then on the heap grows in small steps (`READY_FLAG`).
 */
export function releaseMemory(): void {
  const release = () => {
    keepPackages();
    setFlagsFromString(READY_FLAG);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as CollectGarbage;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  };
  setTimeout(release, LATER).unref();
}

/**
 * Niceness of the threads that hash passwords: on a shared core, the thread that answers requests gets ten times their
 * share.
 */
const NICENESS = 10;

/**
 * Lowers the priority of libuv's pool, where each password hash takes 20 ms, below that of the thread that answers
 * requests. Linux only, where each thread has its own priority. Changes nothing where it is not permitted.
 */
export async function yieldToRequests(): Promise<void> {
  if (process.platform !== 'linux') return;
  // The pool creates its threads with its first task.
  await stat('/proc/self/task');
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      const name = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8');
      if (name.startsWith('libuv-worker')) setPriority(Number(thread), NICENESS);
    }
  } catch {
    // Without permission the priorities stay equal.
  }
}

/**
 * Milliseconds within which a second signal is ignored: npm repeats the signal that the terminal sent to the whole
 * group.
 */
const ECHO = 1_000;

/** Resolves at the first SIGTERM or SIGINT. A later one ends the process at once. */
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

/** Messages from the primary to a worker. */
export type ToWorker =
  | ({ type: 'postern:serve' } & Assignment)
  /** Stop accepting connections; answered by `postern:closed`. */
  | { type: 'postern:close' }
  /** Finish and exit, once all workers have closed. */
  | { type: 'postern:drain' };

/** Messages from a worker to the primary. */
export type FromWorker =
  | { type: 'postern:ready'; firstAdmin: Admin | null }
  | { type: 'postern:closed' }
  /** The worker could not start; `reason` is for the operator. */
  | { type: 'postern:failed'; reason: string };

/** The first administrator, to announce to the operator. */
export interface Admin {
  email: string;
  /** Null when the operator chose it. */
  password: string | null;
}
