import { UsageError } from './failure.ts';

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** When something ends that lasts for `duration` from now: `90d`, `12h`, `30m`, `45s`. @throws UsageError. */
export function endOf(duration: string): Date {
  const [, number, unit = ''] = /^(\d{1,8})([smhd])$/.exec(duration) ?? [];
  if (number === undefined)
    throw new UsageError(`"${duration}" is no time; write it like 90d, 12h, 30m or 45s.`);
  return new Date(Date.now() + Number(number) * (UNITS[unit] ?? 0) * 1000);
}
