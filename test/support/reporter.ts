/** What jest counts; the part of it that is read here. */
interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
}

/** Milliseconds for what tests opened to close after the last of them. */
const TIMEOUT = 10_000;

/** Closes the run with one plain line: how many tests passed, how many failed. A file that did not even load is one. */
export default class Count {
  onRunComplete(_contexts: unknown, results: Results): void {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // Jest's own summary comes after every reporter.
    process.once('exit', () => process.stdout.write(`${results.numPassedTests} passed, ${failed} failed\n`));
    setTimeout(() => {
      process.stdout.write('A test left something open that keeps the run from ending.\n');
      process.exit(1);
    }, TIMEOUT).unref();
  }
}
