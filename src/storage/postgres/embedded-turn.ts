import { once } from 'node:events';
import { createServer } from 'node:net';
import { sha256 } from '../../core/ids.ts';

/**
 * One process at a time starts a cluster. The turn is a name that the system holds for a living process and for no
 * other (an abstract socket), so nobody can leave it locked. Only Linux has those; elsewhere PostgreSQL's own lock file
 * alone decides, as it does here between Postern and anybody else.
 * @param secret known to those who may start it: the name is made of it
 * @returns what ends the turn; null when another process has it
 */
export async function takeTurn(secret: string): Promise<(() => Promise<void>) | null> {
  if (process.platform !== 'linux') return () => Promise.resolve();
  const server = createServer((connection) => connection.destroy());
  try {
    server.listen(`\0postern-${sha256(secret)}`);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
  server.unref();
  return async () => {
    server.close();
    await once(server, 'close');
  };
}
