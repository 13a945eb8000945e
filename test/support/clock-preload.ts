/**
 * Loaded before a server (`node --import`): moves its clock ahead by the seconds in the file CLOCK_FILE and follows
 * changes of the file at once. With CLOCK_STEADY it moves the monotonic clock too.
 */
import { openSync, readSync } from 'node:fs';

const RealDate = Date;
const steady = performance.now.bind(performance);
const file = openSync(process.env['CLOCK_FILE'] ?? '', 'r');
const buffer = Buffer.alloc(16);

/** Milliseconds. */
const ahead = (): number => {
  const length = readSync(file, buffer, 0, buffer.length, 0);
  return Number(buffer.toString('latin1', 0, length)) * 1000;
};

const now = (): number => RealDate.now() + ahead();

globalThis.Date = new Proxy(RealDate, {
  construct: (target, parts, self) =>
    Reflect.construct(target, parts.length > 0 ? parts : [now()], self) as Date,
  get: (target, name, self) => (name === 'now' ? now : (Reflect.get(target, name, self) as unknown)),
});
if (process.env['CLOCK_STEADY'] !== undefined) performance.now = () => steady() + ahead();
