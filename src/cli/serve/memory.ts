import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type CollectGarbage = (options: { type: string; execution: string; flavor: string }) => void;

/**
 * Gives back what loading and compiling needed, which V8 would keep for as long as the server is idle: a quarter of
 * the process. Takes a tenth of a second, once.
 */
export function releaseMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as CollectGarbage;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
