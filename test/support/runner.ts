import { createRequire, flushCompileCache, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { ModuleMocker } from 'jest-mock';

/** Jest's own runner of one file, and the parts of Jest's module loader that it uses. */
type Run = (
  globalConfig: unknown,
  config: unknown,
  environment: object,
  runtime: Loader,
  file: string,
  send: unknown,
) => Promise<unknown>;

interface Loader {
  requireInternalModule(path: string): unknown;
  requireModule(path: string): unknown;
  setGlobalsForRuntime(globals: object): void;
  unstable_shouldLoadAsEsm(path: string): boolean;
  unstable_importModule(path: string): Promise<unknown>;
  enterTestCode(): void;
  leaveTestCode(): void;
}

const require = createRequire(import.meta.url);
const { default: run } = require('jest-circus/runner') as { default: Run };

const GLOBALS = new URL('./globals.ts', import.meta.url).href;

let isUsed = false;

/**
 * Runs a test file with Jest's test framework, and lets Node load it as it loads the server. Jest would compile every module
 * again in a context for each file, which takes longer than most tests. Files do not share modules: each has its own process.
 */
export default async function runFile(
  globalConfig: unknown,
  config: unknown,
  { global }: { global: { console: Console } },
  _runtime: unknown,
  file: string,
  send: unknown,
): Promise<unknown> {
  if (isUsed) throw new Error('each test file needs its own process: leave out --runInBand');
  isUsed = true;
  globalThis.console = global.console;
  // Jest's reads files to map their lines. Types that are stripped leave lines where they are.
  Reflect.deleteProperty(Error, 'prepareStackTrace');
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === '@jest/globals' ? { url: GLOBALS, shortCircuit: true } : next(specifier, context),
  });
  await import('../../bin/loading.js');
  const loader: Loader = {
    requireInternalModule: require,
    requireModule: require,
    setGlobalsForRuntime(globals) {
      Object.assign(globalThis, { TEST_GLOBALS: { ...globals, jest: new ModuleMocker(globalThis) } });
    },
    unstable_shouldLoadAsEsm: () => true,
    async unstable_importModule(path) {
      await import(pathToFileURL(path).href);
      // Jest ends the process before Node would write it.
      flushCompileCache();
    },
    enterTestCode() {},
    leaveTestCode() {},
  };
  return run(globalConfig, config, { global: globalThis }, loader, file, send);
}
