import { createServer } from 'node:net';
import { once } from 'node:events';

/**
 * Each worker has its own range. With the 10000 that Redis Cluster adds for its bus it still meets neither another
 * worker's ports nor the ephemeral ones (32768 and up): a port that is free when chosen is still free when its
 * server listens on it seconds later.
 */
const SIZE = 1250;
const FIRST = 10_000 + (Number(process.env['JEST_WORKER_ID'] ?? 0) % 8) * SIZE;
const taken = new Set<number>();

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}

/** Returns a free TCP port that no other test gets. @throws when all of this worker's are in use. */
export async function freePort(): Promise<number> {
  const start = Math.floor(Math.random() * SIZE);
  for (let step = 0; step < SIZE; step++) {
    const port = FIRST + ((start + step) % SIZE);
    if (taken.has(port)) continue;
    taken.add(port);
    if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::'))) return port;
  }
  throw new Error(`no port between ${FIRST} and ${FIRST + SIZE - 1} is free`);
}
