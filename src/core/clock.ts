/** The time, injected so that tests can move it. */
export interface Clock {
  /** The current time in milliseconds since the epoch. */
  now(): number;
}

/** The time shared by all nodes, independent of this machine's clock. */
export interface SharedClock extends Clock {
  /** Milliseconds that this machine's clock is ahead; negative when it is behind. */
  skew(): number;
  /**
   * Whether this machine's clock is too far off to sign or verify with. Compares the clocks once more before it says
   * yes.
   */
  isAstray(): Promise<boolean>;
}

export const systemClock: Clock = { now: () => Date.now() };

/** The day of a time in milliseconds since the epoch, in UTC: YYYY-MM-DD. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** The current time in whole seconds since the epoch (NumericDate, RFC 7519 section 2). */
export const epochSeconds = (clock: Clock): number => Math.floor(clock.now() / 1000);
