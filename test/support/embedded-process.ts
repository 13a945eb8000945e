/**
 * A process that uses the embedded PostgreSQL under the folder it is given, as its own program: says in JSON on
 * standard output how that went, then holds on until its standard input ends, and closes.
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
