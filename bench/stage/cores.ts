/** The measured server has one core for itself; the load, the stores and all else share another. Linux's `taskset` does it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Cores {
  server: string;
  others: string;
  /** What this process was allowed at its start, as `taskset -c` takes it. */
  all: string;
}

const allowed = (): string =>
  /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';

/** The cores that this process was allowed at its start. */
export const numbers: readonly string[] = allowed()
  .split(',')
  .flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, n) => String(first + n));
  });

/** Null: there is one core, or no `taskset`; everything runs everywhere. */
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

/** Moves this process, and so what it starts from now on, to the core of the others. */
export function leaveServersCore(): void {
  if (cores) execFileSync('taskset', ['-a', '-p', '-c', cores.others, String(process.pid)]);
}

/** Moves a process with all its threads; what it starts from now on stays with it. */
export function move(pid: number, core: string): void {
  if (cores) execFileSync('taskset', ['-a', '-p', '-c', core, String(pid)]);
}

/** A command line that starts `file` on these cores; as it is where nothing is pinned. */
export function on(place: keyof Cores, file: string, args: string[]): { file: string; args: string[] } {
  return cores ? { file: 'taskset', args: ['-c', cores[place], file, ...args] } : { file, args };
}
