import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { atEnd } from './cleanup.ts';
import { freePort } from './ports.ts';

/** A proxy in front of a store. */
export interface SlowProxy {
  port: number;
  /** Delays replies of the store by so many milliseconds. */
  delay(milliseconds: number): void;
}

/** Forwards connections to a local port until the end of the test file. */
export async function startSlowProxy(target: number): Promise<SlowProxy> {
  let delay = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const store = connect(target, '127.0.0.1');
    const end = () => {
      client.destroy();
      store.destroy();
    };
    for (const socket of [client, store]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.pipe(store);
    // Keep the order when the delay changes.
    let lastAt = 0;
    store.on('data', (chunk) => {
      lastAt = Math.max(lastAt, performance.now() + delay);
      const wait = lastAt - performance.now();
      if (wait <= 0) client.write(chunk);
      else setTimeout(() => client.writable && client.write(chunk), wait).unref();
    });
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port, delay: (milliseconds) => void (delay = milliseconds) };
}
