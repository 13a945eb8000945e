import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `holds` returns true. @throws after three minutes: other tests may keep the machine busy. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 180_000; !(await holds()); await sleep(25)) {
    if (Date.now() > deadline) throw new Error(`still not so: ${holds.toString()}`);
  }
}
