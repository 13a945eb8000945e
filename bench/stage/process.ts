import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../client/connection.ts';
import { type Cores, on } from './cores.ts';

export interface Started {
  pid: number;
  /** Milliseconds from its start to its first good answer. */
  readyAfter: number;
  stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();
// However this process ends, what it started ends too.
process.on('exit', () => {
  for (const child of running) child.kill();
});

/** A loopback port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

export interface Command {
  file: string;
  args: string[];
  /** Where it runs; by default beside this process. */
  place?: keyof Cores;
  env?: NodeJS.ProcessEnv;
  /** Where its output goes. */
  log: string;
}

/**
 * Starts a process and waits for `ready`, asked again and again.
 * @throws with the end of its output when it ends before, or is not ready in 60 seconds.
 */
export async function start(command: Command, ready: () => Promise<boolean>): Promise<Started> {
  const log = openSync(command.log, 'a');
  const began = performance.now();
  const { file, args } = command.place ? on(command.place, command.file, command.args) : command;
  const child = spawn(file, args, {
    env: command.env ?? process.env,
    stdio: ['ignore', log, log],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  closeSync(log);
  const stop = async () => end(child);
  while (!(await ready().catch(() => false))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() - began > 60_000) {
      await stop();
      throw new Error(
        `${command.file} ${command.args.join(' ')} did not start:\n${readFileSync(command.log, 'utf8').slice(-2000)}`,
      );
    }
    await sleep(10);
  }
  return { pid: child.pid!, readyAfter: performance.now() - began, stop };
}

/** SIGTERM, and SIGKILL for what has not ended half a minute later. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await exited;
  clearTimeout(timer);
}

/** Whether a GET of `path` is answered, with 200 if `good`. */
export async function answers(port: number, issuer: string, path: string, good: boolean): Promise<boolean> {
  const connection = new Connection({ port, issuer });
  try {
    const { status } = await connection.get(path);
    return !good || status === 200;
  } finally {
    await connection.close();
  }
}
