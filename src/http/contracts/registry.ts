import { registerHooks } from 'node:module';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartupError } from '../../core/errors.ts';
import type { Contract } from './contract.ts';
import { problemsOf } from './door-check.ts';
import * as registered from './registered.ts';

/** The built-in contracts. */
export const builtInContracts: readonly Contract[] = Object.values(registered);

const loaded = new Map<string, Promise<readonly Contract[]>>();

/**
 * All contracts: the built-in ones, and those of `contracts.modules`. Loads each module once.
 * @param modules files, or folders with an index file, relative to the working directory.
 * @throws StartupError naming the module that cannot be loaded, and every problem of its contracts.
 */
export function loadContracts(modules: readonly string[]): Promise<readonly Contract[]> {
  const key = modules.join('\0');
  const known = loaded.get(key) ?? load(modules);
  loaded.set(key, known);
  return known;
}

async function load(modules: readonly string[]): Promise<readonly Contract[]> {
  const contracts = [...builtInContracts];
  for (const module of modules) {
    for (const door of await doorsOf(module)) {
      const problems = problemsOf(door);
      if (contracts.some(({ name }) => name === door.name))
        problems.push(`another door has the name ${door.name}`);
      if (problems.length > 0) throw mistaken(module, `\n  ${problems.join('\n  ')}`);
      contracts.push(door);
    }
  }
  return contracts;
}

const mistaken = (module: string, what: string, cause?: unknown) =>
  new StartupError(`contracts.modules: ${module}: ${what}`, { cause });

/** The export that declares a module's version of `postern/door`. */
async function doorsOf(module: string): Promise<Contract[]> {
  const file = [module, ...['ts', 'js', 'mjs'].map((type) => path.join(module, `index.${type}`))]
    .map((name) => path.resolve(name))
    .find((name) => path.extname(name) !== '' && existsSync(name));
  if (file === undefined)
    throw mistaken(module, 'there is no such file, nor a folder with an index.ts or index.js');
  showDoor();
  let exported: Record<string, unknown>;
  try {
    exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    throw mistaken(module, `cannot be loaded: ${(error as Error).message}`, error);
  }
  const doors = new Set(Object.values(exported).filter(isDoor));
  if (doors.size === 0)
    throw mistaken(module, 'exports no door, an object with a doorVersion from postern/door');
  return [...doors];
}

const isDoor = (value: unknown): value is Contract =>
  typeof value === 'object' && value !== null && 'doorVersion' in value;

let isShown = false;

/** Resolves `postern/door` to this Postern for every module, wherever it is. */
function showDoor(): void {
  if (isShown) return;
  isShown = true;
  const door = new URL('door.ts', import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) => next(specifier === 'postern/door' ? door : specifier, context),
  });
}
