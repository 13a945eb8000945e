import { UsageError } from './failure.ts';

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90d`, `12h`, `30m`, `45s` in milliseconds. @throws UsageError. */
function millisecondsOf(duration: string): number {
  const [, number, unit = ''] = /^(\d{1,8})([smhd])$/.exec(duration) ?? [];
  if (number === undefined)
    throw new UsageError(`"${duration}" is no time; write it like 90d, 12h, 30m or 45s.`);
  return Number(number) * (UNITS[unit] ?? 0) * 1000;
}

/** When something ends that lasts for `duration` from now. @throws UsageError. */
export const endOf = (duration: string): Date => new Date(Date.now() + millisecondsOf(duration));

/** When something began that has lasted for `duration` by now, 1970 at the earliest. @throws UsageError. */
export const startOf = (duration: string): Date =>
  new Date(Math.max(0, Date.now() - millisecondsOf(duration)));
