/** Ends the run with the first test that fails: that is all one has to know of a mutant. */
export default class FirstFailure {
  onTestCaseResult(_test: unknown, { status }: { status: string }): void {
    if (status === 'failed') process.exit(1);
  }

  onRunComplete(): void {
    // What a test left open does not keep the run.
    setTimeout(() => process.exit(), 10_000).unref();
  }
}
