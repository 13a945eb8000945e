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

/** Formats times in milliseconds since the epoch, once for all within `unit` milliseconds that follow each other. */
function inTurn(unit: number, format: (time: number) => string): (time: number) => string {
  let last = Number.NaN;
  let text = '';
  return (time) => {
    const current = Math.floor(time / unit);
    if (current !== last) text = format(time);
    last = current;
    return text;
  };
}

/** The day of a time in milliseconds since the epoch, in UTC: YYYY-MM-DD. */
export const dayOf = inTurn(86_400_000, (time) => new Date(time).toISOString().slice(0, 10));

/** The same up to the decimal point of the seconds. */
const secondOf = inTurn(1000, (time) => new Date(time).toISOString().slice(0, 20));

/** A time in milliseconds since the epoch as `toISOString` writes it. */
export const isoTime = (time: number): string => `${secondOf(time)}${String(time % 1000).padStart(3, '0')}Z`;

/** The current time in whole seconds since the epoch (NumericDate, RFC 7519 section 2). */
export const epochSeconds = (clock: Clock): number => Math.floor(clock.now() / 1000);
