/**
 * What a process need not do while it loads some fifteen hundred files. Without it everything works the same, for a fifth more
 * CPU at the start of a command.
 */
import module from 'node:module';
import path from 'node:path';

const OWN = new URL('../src/', import.meta.url).href;

/** Modules by what imports them and how, and what is loaded instead: of zod's fifty languages, the one it speaks. */
const INSTEAD = { '../locales/index.js': '../locales/en.js' };
const ZOD = '/node_modules/zod/v4/';
/** Of a limiter for each of a dozen databases, the one that is used; what they have in common stands for the others. */
const LIMITERS = '/node_modules/rate-limiter-flexible/index.js';

module.registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '' } = context;
    // Postern's imports name files: there is nothing to search.
    if (specifier.endsWith('.ts') && specifier.startsWith('.') && parentURL.startsWith(OWN))
      return { url: new URL(specifier, parentURL).href, format: 'module-typescript', shortCircuit: true };
    if (specifier in INSTEAD && parentURL.includes(ZOD)) return next(INSTEAD[specifier], context);
    if (parentURL.endsWith(LIMITERS) && specifier !== './lib/RateLimiterRedis')
      return next('./lib/RateLimiterAbstract', context);
    return next(specifier, context);
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
