/** Pins the measured server to one core, and the load, the stores and the rest to another, by Linux's `taskset`. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Cores {
  server: string;
  others: string;
  /** The CPU list of this process at its start, in the form of `taskset -c`. */
  all: string;
}

const allowed = (): string =>
  /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';

/** The cores of this process at its start. */
export const numbers: readonly string[] = allowed()
  .split(',')
  .flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, n) => String(first + n));
  });

/** Null with one core or without `taskset`: nothing is pinned. */
export const cores: Cores | null = readCores();

function readCores(): Cores | null {
  const all = allowed();
  const [server, others] = [numbers[0], numbers.at(-1)];
  if (server === undefined || others === undefined || server === others) return null;
  try {
    execFileSync('taskset', ['--version']);
  } catch {
    return null;
  }
  return { server, others, all };
}

/** Moves this process and its future children to the core that is not the server's. */
export function leaveServersCore(): void {
  if (cores) execFileSync('taskset', ['-a', '-p', '-c', cores.others, String(process.pid)]);
}

/** Moves a process with all its threads and its future children. */
export function move(pid: number, core: string): void {
  if (cores) execFileSync('taskset', ['-a', '-p', '-c', core, String(pid)]);
}

/** The command line that starts `file` on these cores; unchanged when nothing is pinned. */
export function on(place: keyof Cores, file: string, args: string[]): { file: string; args: string[] } {
  return cores ? { file: 'taskset', args: ['-c', cores[place], file, ...args] } : { file, args };
}
