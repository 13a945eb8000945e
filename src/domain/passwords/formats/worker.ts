import { parentPort } from 'node:worker_threads';
import { readStored } from './stored.ts';
import { verifyReadings } from './verify.ts';

/** A request to a worker thread. */
export interface VerifyTask {
  stored: string;
  password: string;
  secrets: Record<string, Uint8Array>;
}

const bytesOf = (secrets: VerifyTask['secrets']) =>
  Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, Buffer.from(bytes)]));

/** A worker thread's reply. */
export interface Verified {
  right: boolean;
  /** Milliseconds of work. */
  took: number;
}

async function answer({ stored, password, secrets }: VerifyTask): Promise<Verified> {
  const start = performance.now();
  const right = await verifyReadings(readStored(stored).readings, password, bytesOf(secrets)).catch(
    () => false,
  );
  return { right, took: performance.now() - start };
}

parentPort?.on('message', (task: VerifyTask) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  void answer(task).then((verified) => parentPort?.postMessage(verified));
});
