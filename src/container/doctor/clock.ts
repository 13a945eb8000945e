import { type Finding, ok, problem } from './finding.ts';

/** Seconds that clocks may differ: what the provider tolerates in the times of a token. */
const TOLERATED = 5;

/** Compares this machine's clock with `store`'s, as read between `before` and `after`. Milliseconds since the epoch. */
export function compareClocks(store: string, theirs: number, before: number, after: number): Finding {
  const name = `clock of ${store}`;
  const skew = Math.max(before - theirs, theirs - after, 0) / 1000;
  const message = `differs from this machine's by ${skew.toFixed(1)} s`;
  if (skew <= TOLERATED) return ok(name, message);
  return problem(
    name,
    message,
    'Synchronise both with NTP (chrony or systemd-timesyncd): codes and tokens live by the clock.',
  );
}
