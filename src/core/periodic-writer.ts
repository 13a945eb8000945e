/** Periodically flushes data collected in memory. */
export interface PeriodicWriter {
  /** Starts writing on the interval. */
  start(): void;
  /** Flushes the rest and stops. */
  stop(): Promise<void>;
}

/**
 * Calls `write` at an interval, and once more at the end.
 * @param interval milliseconds
 * @param failed receives what `write` threw
 */
export function createPeriodicWriter(
  interval: number,
  write: () => Promise<void>,
  failed: (error: unknown) => void,
): PeriodicWriter {
  let timer: NodeJS.Timeout | undefined;
  const attempt = () => write().catch(failed);
  return {
    start() {
      timer = setInterval(() => void attempt(), interval).unref();
    },
    async stop() {
      clearInterval(timer);
      await attempt();
    },
  };
}
