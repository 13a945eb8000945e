/** Ends the run at the first failing test, which is enough to kill a mutant. */
export default class FirstFailure {
  onTestCaseResult(_test: unknown, { status }: { status: string }): void {
    if (status === 'failed') process.exit(1);
  }

  onRunComplete(): void {
    // Exit even when a test has left handles open.
    setTimeout(() => process.exit(), 10_000).unref();
  }
}
