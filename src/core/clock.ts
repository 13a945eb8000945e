/** The time, injected so that tests can move it. */
export interface Clock {
  /** The present, in milliseconds since the epoch. */
  now(): number;
}

/** The time that all nodes share, whatever this machine's own clock says. */
export interface SharedClock extends Clock {
  /** Milliseconds that this machine's clock is ahead of it; less than zero when it is behind. */
  skew(): number;
  /**
   * Whether this machine's clock is so far off that nothing may be signed with its time, or held against it. Before the
   * answer is yes, the clocks are compared once more.
   */
  isAstray(): Promise<boolean>;
}

export const systemClock: Clock = { now: () => Date.now() };

/** The day of a time in milliseconds since the epoch, in UTC: YYYY-MM-DD. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** The present in whole seconds since the epoch (NumericDate, RFC 7519 section 2). */
export const epochSeconds = (clock: Clock): number => Math.floor(clock.now() / 1000);
