/**
 * What a process need not do while it loads some fifteen hundred files. Without it everything works the same, for a fifth more
 * CPU at the start of a command.
 */
import module from 'node:module';
import path from 'node:path';

const OWN = new URL('../src/', import.meta.url).href;

const PACKAGES = '/node_modules/';
/** Of zod's fifty languages, the one that it speaks. */
const ZOD = `${PACKAGES}zod/v4/`;
/** Of a limiter for each of a dozen databases, the one that is used; what they have in common stands for the others. */
const LIMITERS = `${PACKAGES}rate-limiter-flexible/index.js`;

/** What is loaded instead of what a package asks for. */
function insteadOf(specifier, parentURL) {
  if (specifier === '../locales/index.js' && parentURL.includes(ZOD)) return '../locales/en.js';
  if (specifier !== './lib/RateLimiterRedis' && parentURL.endsWith(LIMITERS))
    return './lib/RateLimiterAbstract';
  return specifier;
}

/** What the names of packages mean in Postern's files: the same in all of them. */
const packages = new Map();

module.registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '', conditions } = context;
    const isOwn = parentURL.startsWith(OWN);
    const asked = isOwn ? specifier : insteadOf(specifier, parentURL);
    if (conditions.includes('require') || !(isOwn || parentURL.includes(PACKAGES)))
      return next(asked, context);
    // A relative import of an ES module names its file: there is nothing to search.
    if (asked.startsWith('.')) {
      const format = asked.endsWith('.ts') ? 'module-typescript' : undefined;
      return { url: new URL(asked, parentURL).href, format, shortCircuit: true };
    }
    if (!isOwn) return next(asked, context);
    const known = packages.get(asked);
    if (known) return { ...known, shortCircuit: true };
    const found = next(asked, context);
    packages.set(asked, found);
    return found;
  },
});

/** Takes the place of a CommonJS module that another requires at its start, and loads it when something of it is used. */
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

/** Whatever `load` returns, called for its first use. */
const proxyOf = (load) =>
  new Proxy(() => undefined, {
    get: (_, key) => Reflect.get(load(), key),
    has: (_, key) => Reflect.has(load(), key),
    set: (_, key, value) => Reflect.set(load(), key, value),
    apply: (_, self, parameters) => Reflect.apply(load(), self, parameters),
  });

// Metrics are without exemplars of traces.
postpone(
  module.createRequire(module.createRequire(import.meta.url).resolve('prom-client')),
  '@opentelemetry/api',
);

// Sequelize validates no value and makes no geometry for Postern, and its dates are in UTC.
const require = module.createRequire(module.createRequire(import.meta.url).resolve('sequelize'));
for (const name of ['moment', 'moment-timezone', 'semver', 'wkx']) postpone(require, name);
const extras = path.join(path.dirname(require.resolve('sequelize')), 'utils', 'validator-extras.js');
postpone(require, extras);
// Three files take the validator itself at their start.
const { exports: all } = require.cache[extras];
require.cache[extras].exports = { validator: proxyOf(() => all.validator) };
