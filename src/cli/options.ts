import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { InvalidArgumentError } from 'commander';
import { isUuid } from '../core/ids.ts';
import { UsageError } from './failure.ts';

/** Collects the values of a repeatable option. */
export const repeated = (value: string, previous: string[] | undefined): string[] => [
  ...(previous ?? []),
  value,
];

/** Parses an integer from `min` to `max`. */
export const integer =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (/^\d{1,10}$/.test(value) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}.`);
  };

/** Parses an id. */
export function uuid(value: string): string {
  if (isUuid(value)) return value;
  throw new InvalidArgumentError('must be a UUID.');
}

/** Reads a password or secret from standard input, without the trailing line break. */
export const readSecret = async (): Promise<string> => (await readAll(process.stdin)).replace(/\r?\n$/, '');

/** Parses a JSON object. */
export function jsonObject(value: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch {
    // Reported below.
  }
  throw new InvalidArgumentError('must be a JSON object.');
}

/** Reads a file that holds a JSON object. */
export function jsonFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`cannot be read: ${(error as Error).message}`);
  }
  return jsonObject(text);
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90d`, `12h`, `30m`, `45s` in milliseconds. @throws UsageError. */
function millisecondsOf(duration: string): number {
  const [, number, unit = ''] = /^(\d{1,8})([smhd])$/.exec(duration) ?? [];
  if (number === undefined)
    throw new UsageError(`"${duration}" is not a duration like 90d, 12h, 30m or 45s.`);
  return Number(number) * (UNITS[unit] ?? 0) * 1000;
}

/** The time `duration` from now. @throws UsageError. */
export const endOf = (duration: string): Date => new Date(Date.now() + millisecondsOf(duration));

/** The time `duration` ago, 1970 at the earliest. @throws UsageError. */
export const startOf = (duration: string): Date =>
  new Date(Math.max(0, Date.now() - millisecondsOf(duration)));
