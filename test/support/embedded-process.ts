/**
 * Opens the embedded PostgreSQL under the given folder, prints the outcome as JSON on standard output, and closes it
 * when standard input ends.
 */
import { once } from 'node:events';
import { createLogger } from '../../src/core/logger.ts';
import { openEmbedded } from '../../src/storage/postgres/embedded.ts';

const [dataDir = ''] = process.argv.slice(2);
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);
try {
  const embedded = await openEmbedded({ dataDir, logger: createLogger('silent') });
  await embedded.claimServer('http://localhost:8123');
  say({ databaseUrl: embedded.databaseUrl });
  process.stdin.resume();
  await once(process.stdin, 'end');
  await embedded.close();
} catch (error) {
  say({ name: (error as Error).name, message: (error as Error).message });
}
