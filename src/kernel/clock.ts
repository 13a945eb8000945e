/** The time, injected so that tests can move it. */
export interface Clock {
  /** The present, in milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** The present in whole seconds since the epoch (NumericDate, RFC 7519 section 2). */
export const epochSeconds = (clock: Clock): number => Math.floor(clock.now() / 1000);
