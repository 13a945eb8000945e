/** CPU and memory of a process and its children, from Linux's /proc. */
import { readFileSync, readdirSync } from 'node:fs';

/** The process and all its descendants. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

/** CPU time of all threads of the processes since they started: microseconds. */
export function cpuTime(pids: number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    // /proc/<pid>/stat counts in hundredths of a second, too coarse for a turn; this file, of each thread, in nanoseconds.
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number.parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'), 10);
    }
  }
  return nanoseconds / 1000;
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
