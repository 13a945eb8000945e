/** What a process and its children use, read from Linux's /proc. */
import { readFileSync, readdirSync } from 'node:fs';

/** Microseconds in a tick of /proc/<pid>/stat (USER_HZ is 100 on every Linux that Node runs on). */
const TICK = 10_000;

/** The process and all its descendants. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

/** CPU time, of all threads, that the processes have taken since they started: microseconds. */
export function cpuTime(pids: number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may hold spaces; utime and stime are the 12th and 13th field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK;
}

/** Resident memory of the largest of the processes (a worker is larger than the process that forked it): bytes. */
export function residentMemory(pids: number[]): number {
  return Math.max(
    ...pids.map((pid) => {
      const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return Number(kibibytes ?? 0) * 1024;
    }),
  );
}
