/** Node loads the tests, as it loads the server. `npm test` brings the servers that they need. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {},
  testRunner: '<rootDir>/test/support/runner.ts',
  // Always over the limit: each file has a new process.
  workerIdleMemoryLimit: 0,
  // Two cores are what the smallest build machines have. Tests wait for servers, browsers and failovers for almost half of their
  // time: the other workers compute meanwhile.
  maxWorkers: 6,
  testSequencer: '<rootDir>/test/support/sequencer.ts',
  reporters: ['default', '<rootDir>/test/support/reporter.ts'],
  testTimeout: 300_000,
};
