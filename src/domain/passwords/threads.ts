import { Worker } from 'node:worker_threads';
import type { Verified, VerifyTask } from './formats/worker.ts';

/** The thread's result for `task`. @throws when the thread ends. */
const ask = (worker: Worker, task: VerifyTask): Promise<Verified> =>
  new Promise((resolve, reject) => {
    const settle = (how: () => void) => {
      worker.off('message', answered).off('error', failed).off('exit', failed);
      how();
    };
    const answered = (verified: Verified) => settle(() => resolve(verified));
    const failed = () => settle(() => reject(new Error('the thread that verifies a hash has ended')));
    worker.on('message', answered).on('error', failed).on('exit', failed);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(task);
  });

/** Threads that verify foreign hashes, as many as are busy at once: they block while they work. */
export class VerifierThreads {
  readonly #idle: Worker[] = [];

  /** Whether the hash was made of the password. @throws when the thread ends. */
  async verify(task: VerifyTask): Promise<Verified> {
    const worker = this.#idle.pop() ?? this.#start();
    worker.ref();
    const verified = await ask(worker, task);
    worker.unref();
    this.#idle.push(worker);
    return verified;
  }

  /** An idle thread keeps no process alive. It gets no environment, which contains secrets. */
  #start(): Worker {
    const worker = new Worker(new URL('formats/worker.ts', import.meta.url), {
      env: {},
      execArgv: [],
      // Megabytes of its heap, without the memory of scrypt and argon2.
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
    });
    // Handle errors of idle threads: an unhandled one would end the process.
    worker.on('error', () => {
      const at = this.#idle.indexOf(worker);
      if (at !== -1) this.#idle.splice(at, 1);
    });
    return worker;
  }
}
