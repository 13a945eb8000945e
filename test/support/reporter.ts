/** The part of Jest's result that is read here. */
interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
}

/** Milliseconds for open handles to close after the last test. */
const TIMEOUT = 10_000;

/**
 * Ends the run with one line: tests passed and failed. A file that does not load counts as one failure, and a run without any test
 * fails: a misspelt name must not look like a success.
 */
export default class Count {
  onRunComplete(_contexts: unknown, results: Results): void {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // Jest's own summary comes after every reporter.
    process.once('exit', () => {
      process.stdout.write(`${results.numPassedTests} passed, ${failed} failed\n`);
      if (results.numPassedTests + failed > 0) return;
      process.stdout.write('No test ran.\n');
      process.exitCode = 1;
    });
    setTimeout(() => {
      process.stdout.write('A test left something open that keeps the run from ending.\n');
      process.exit(1);
    }, TIMEOUT).unref();
  }
}
