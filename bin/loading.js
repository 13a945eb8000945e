/**
 * Skips unnecessary work while a process loads some fifteen hundred files. Everything works the same without it, but a
 * command uses a third more CPU at its start.
 */
import { existsSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';

const OWN = new URL('../src/', import.meta.url).href;

const PACKAGES = '/node_modules/';
/** zod has fifty languages. Load only English. */
const ZOD = `${PACKAGES}zod/v4/`;
/**
 * rate-limiter-flexible has a limiter for each of a dozen databases. Load only the one in use; their common base class
 * stands in for the others.
 */
const LIMITERS = `${PACKAGES}rate-limiter-flexible/index.js`;

/** The module to load instead of the requested one. */
function insteadOf(specifier, parentURL) {
  if (specifier === '../locales/index.js' && parentURL.includes(ZOD)) return '../locales/en.js';
  if (specifier !== './lib/RateLimiterRedis' && parentURL.endsWith(LIMITERS))
    return './lib/RateLimiterAbstract';
  return specifier;
}

/** The package of a file, or Postern's own folder. */
const homeOf = (url) => (url.startsWith(OWN) ? OWN : /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(url)?.[0]);

/** Resolved names of packages. Each means the same in all files of one package. */
const packages = new Map();

/** The file of a relative import: named in full between ES modules, mostly without its extension in `require`. */
function fileOf(specifier, parentURL, isRequired) {
  const file = new URL(specifier, parentURL).href;
  if (!isRequired || file.endsWith('.js')) return file;
  const script = `${file}.js`;
  return existsSync(new URL(script)) ? script : undefined;
}

module.registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '', conditions } = context;
    const home = homeOf(parentURL);
    if (home === undefined) return next(specifier, context);
    const asked = insteadOf(specifier, parentURL);
    const isRequired = conditions.includes('require');
    // Node's own search takes a third of a millisecond a file.
    if (asked.startsWith('.')) {
      const url = fileOf(asked, parentURL, isRequired);
      const format = asked.endsWith('.ts') ? 'module-typescript' : undefined;
      return url === undefined ? next(asked, context) : { url, format, shortCircuit: true };
    }
    const key = `${home} ${isRequired} ${asked}`;
    const known = packages.get(key);
    if (known) return { ...known, shortCircuit: true };
    const found = next(asked, context);
    packages.set(key, found);
    return found;
  },
});

/** Replaces a CommonJS module that another one requires at startup, and loads it on first use. */
function postpone(require, name) {
  const file = require.resolve(name);
  const load = () => {
    if (require.cache[file] === standIn) delete require.cache[file];
    return require(file);
  };
  const standIn = new module.Module(file);
  standIn.filename = file;
  standIn.loaded = true;
  standIn.exports = proxyOf(load);
  require.cache[file] = standIn;
}

/** A stand-in for the result of `load`, which is called on first use. */
const proxyOf = (load) =>
  new Proxy(() => undefined, {
    get: (_, key) => Reflect.get(load(), key),
    has: (_, key) => Reflect.has(load(), key),
    set: (_, key, value) => Reflect.set(load(), key, value),
    apply: (_, self, parameters) => Reflect.apply(load(), self, parameters),
  });

// Postern uses neither Sequelize's validation nor its geometry types, and its dates are in UTC.
const require = module.createRequire(module.createRequire(import.meta.url).resolve('sequelize'));
for (const name of ['moment', 'moment-timezone', 'semver', 'wkx']) postpone(require, name);
const extras = path.join(path.dirname(require.resolve('sequelize')), 'utils', 'validator-extras.js');
postpone(require, extras);
// Three files require the validator itself when they are loaded.
const { exports: all } = require.cache[extras];
require.cache[extras].exports = { validator: proxyOf(() => all.validator) };

if (process.argv[2] === 'serve') {
  // prom-client needs it only for exemplars, which Postern does not use.
  postpone(
    module.createRequire(module.createRequire(import.meta.url).resolve('prom-client')),
    '@opentelemetry/api',
  );
  // An import of node:http reads all its properties. These would load Node's own undici, which Postern does not use.
  const http = process.getBuiltinModule('node:http');
  for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent'])
    Object.defineProperty(http, name, { value: undefined });
}
