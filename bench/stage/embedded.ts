import path from 'node:path';
import type { Results } from '../results.ts';
import { postern } from './population.ts';
import { answers, freePort, start } from './process.ts';

/** Times `npm start` on a host with Node alone: first on an empty folder, then on existing data. */
export async function timeEmbeddedStart(directory: string, rounds: number, results: Results): Promise<void> {
  for (let round = 0; round <= rounds; round++) {
    const port = await freePort();
    const env = {
      PATH: process.env['PATH'],
      PORT: String(port),
      HOST: '127.0.0.1',
      DATA_DIR: path.join(directory, 'embedded'),
    };
    const log = path.join(directory, 'embedded.log');
    const server = await start(
      { file: process.execPath, args: [postern, 'serve'], place: 'server', env, log },
      async () => answers(port, `http://localhost:${port}`, '/readyz', true),
    );
    results.addFact(round === 0 ? 'ready/embedded-empty' : 'ready/embedded', server.readyAfter);
    await server.stop();
  }
}
