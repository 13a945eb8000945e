/**
 * Loaded before a server (`node --import`): its clock is ahead by the seconds that the file SKEW_FILE says, and follows
 * when that changes.
 */
import { readFileSync } from 'node:fs';

const RealDate = Date;
const file = process.env['SKEW_FILE'] ?? '';
let [read, ahead] = [-Infinity, 0];

const now = (): number => {
  if (performance.now() - read > 20) {
    read = performance.now();
    ahead = Number(readFileSync(file, 'utf8')) * 1000;
  }
  return RealDate.now() + ahead;
};

globalThis.Date = new Proxy(RealDate, {
  construct: (target, parts, self) =>
    Reflect.construct(target, parts.length > 0 ? parts : [now()], self) as Date,
  get: (target, name, self) => (name === 'now' ? now : (Reflect.get(target, name, self) as unknown)),
});
