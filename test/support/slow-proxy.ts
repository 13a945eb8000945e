import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { atEnd } from './cleanup.ts';
import { freePort } from './ports.ts';

/** A proxy in front of a store. */
export interface SlowProxy {
  port: number;
  /** Delays replies of the store by so many milliseconds. */
  delay(milliseconds: number): void;
  /** Forwards new connections to another port. */
  aim(port: number): void;
  /** Closes all connections. */
  cut(): void;
}

/** Forwards connections to a local port until the end of the test file. */
export async function startSlowProxy(target: number): Promise<SlowProxy> {
  let delay = 0;
  let aimedAt = target;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const store = connect(aimedAt, '127.0.0.1');
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
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  atEnd(async () => {
    server.close();
    cut();
  });
  return {
    port,
    delay: (milliseconds) => void (delay = milliseconds),
    aim: (other) => void (aimedAt = other),
    cut,
  };
}
