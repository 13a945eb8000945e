/**
 * Keeps the compiled code of CommonJS packages from one start to the next, beside Node's compile cache. Node stores a
 * module before it has run, without the functions that are compiled when they are first called. This stores it
 * afterwards.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import vm from 'node:vm';
import { crc32 } from 'node:zlib';

const { Module } = module;
const PACKAGES = `${path.sep}node_modules${path.sep}`;

/** Node's own way. */
const compile = Module.prototype._compile;

/** V8's code and the checksum of its source, by file name. */
let stored = new Map();
/** The scripts that were not stored yet. */
let added = new Map();

/** The folder depends on the version of Node and its flags, and is the user's own. */
const place = () => path.join(module.getCompileCacheDir(), `packages-${crc32(import.meta.dirname)}`);

/** The `require` of a module, as Node makes it. */
const requireOf = (parent) =>
  Object.assign((id) => parent.require(id), {
    resolve: (id, options) => Module._resolveFilename(id, parent, false, options),
    main: process.mainModule,
    extensions: Module._extensions,
    cache: Module._cache,
  });

function compileStored(source, filename, format) {
  if (format === 'module' || !filename.includes(PACKAGES))
    return compile.call(this, source, filename, format);
  const sum = crc32(source);
  const known = stored.get(filename);
  const cachedData = known?.sum === sum ? known.code : undefined;
  let script;
  try {
    script = new vm.Script(Module.wrap(source), {
      filename,
      columnOffset: -Module.wrapper[0].length,
      cachedData,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
  } catch {
    // Node finds out whether it is an ES module or a mistake.
    return compile.call(this, source, filename, format);
  }
  if (!cachedData || script.cachedDataRejected) added.set(filename, { sum, script });
  const run = script.runInThisContext();
  return run.call(this.exports, this.exports, requireOf(this), this, filename, path.dirname(filename));
}

/** From now on packages are loaded with their stored code, until `keepPackages`. */
export function reusePackages() {
  if (module.getCompileCacheDir() === undefined) return;
  try {
    stored = deserialize(readFileSync(place()));
  } catch {
    // The first start.
  }
  Module.prototype._compile = compileStored;
  process.once('exit', keepPackages);
}

/** Stores the code of packages that were compiled since `reusePackages`. V8 must still have the same flags. */
export function keepPackages() {
  if (Module.prototype._compile !== compileStored) return;
  Module.prototype._compile = compile;
  const [all, scripts] = [stored, added];
  stored = added = new Map();
  if (scripts.size === 0) return;
  for (const [name, { sum, script }] of scripts) all.set(name, { sum, code: script.createCachedData() });
  const draft = `${place()}.${process.pid}`;
  try {
    mkdirSync(path.dirname(draft), { recursive: true });
    writeFileSync(draft, serialize(all));
    renameSync(draft, place());
  } catch {
    // Cannot be written: the next start compiles again.
  }
}
