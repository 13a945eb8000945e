import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** A free TCP port on 127.0.0.1: `wanted` when it is free, else any. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    if (wanted !== 0) return freePort();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
