/** Tests run as native ES modules; swc takes the types off. `npm test` brings the servers that they need. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript' },
          target: 'es2024',
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Two cores are what the smallest build machines have. Tests wait for servers, browsers and failovers for almost half of their
  // time: the other workers compute meanwhile.
  maxWorkers: 4,
  testSequencer: '<rootDir>/test/support/sequencer.ts',
  reporters: ['default', '<rootDir>/test/support/reporter.ts'],
  testTimeout: 180_000,
};
