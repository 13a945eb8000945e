import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../client/connection.ts';
import { type Cores, on } from './cores.ts';

export interface Started {
  pid: number;
  /** Milliseconds from its start to its first successful reply. */
  readyAfter: number;
  stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();
// End child processes however this process ends.
process.on('exit', () => {
  for (const child of running) child.kill();
});

/** A free loopback port. */
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
  /** Cores to run on; by default those of this process. */
  place?: keyof Cores;
  env?: NodeJS.ProcessEnv;
  /** File for its output. */
  log: string;
}

/**
 * Starts a process and polls `ready` until it holds.
 * @throws with the end of its output when it exits first or is not ready within 60 seconds.
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

/** Sends SIGTERM, and SIGKILL after half a minute. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await exited;
  clearTimeout(timer);
}

/** Whether a GET of `path` gets a reply; with `good`, a 200. */
export async function answers(port: number, issuer: string, path: string, good: boolean): Promise<boolean> {
  const connection = new Connection({ port, issuer });
  try {
    const { status } = await connection.get(path);
    return !good || status === 200;
  } finally {
    await connection.close();
  }
}
