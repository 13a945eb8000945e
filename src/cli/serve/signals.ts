/** Milliseconds in which a second signal is an echo of the first: npm passes on what the terminal sent to all. */
const ECHO = 1_000;

/** Resolves at the first SIGTERM or SIGINT. At another one, later, the process ends at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = () => {
      first ??= performance.now();
      if (performance.now() - first > ECHO) process.exit(1);
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}
