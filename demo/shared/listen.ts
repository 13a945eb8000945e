import { once } from 'node:events';
import type Koa from 'koa';

/** A demo that listens. */
export interface Listening {
  url: string;
  close(): Promise<void>;
}

/** Listens on the loopback interface alone. @throws an error with the code EADDRINUSE when the port is taken. */
export async function listen(app: Koa, port: number): Promise<Listening> {
  const server = app.listen(port, 'localhost');
  await once(server, 'listening');
  return {
    url: `http://localhost:${port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
