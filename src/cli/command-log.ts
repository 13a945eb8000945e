import { createRequire } from 'node:module';
import type * as logging from '../core/logger.ts';

const require = createRequire(import.meta.url);

/** The log of a command: errors only, on standard error. Few commands have one, so the first loads the library. */
export function commandLog(): logging.Logger {
  let loaded: logging.Logger | undefined;
  const log = (): logging.Logger => {
    // Not `import`: the command may end before it is done.
    const { createLogger } = require('../core/logger.ts') as typeof logging;
    return (loaded ??= createLogger('error', process.stderr));
  };
  const write =
    (level: 'error' | 'fatal') =>
    (...line: unknown[]): void =>
      void Reflect.apply(log()[level], log(), line);
  const ignore = () => undefined;
  return {
    level: 'error',
    isLevelEnabled: (level) => level === 'error' || level === 'fatal',
    child: (bindings, options) => log().child(bindings, options),
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: write('error'),
    fatal: write('fatal'),
  };
}
