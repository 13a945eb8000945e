import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `holds` returns true. @throws after a minute. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await holds()); await sleep(25)) {
    if (Date.now() > deadline) throw new Error(`still not so: ${holds.toString()}`);
  }
}
