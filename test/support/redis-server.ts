import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from './ports.ts';

/** A Redis server of the tests' own, in memory only, on a port that it keeps. */
export class RedisServer {
  readonly port: number;
  readonly #program: string;
  readonly #options: string[];
  #child: ChildProcess | null = null;

  private constructor(program: string, port: number, options: string[]) {
    this.#program = program;
    this.port = port;
    this.#options = options;
  }

  /** @param options more of redis-server's own, such as `--cluster-enabled yes` */
  static async start(program: string, options: string[] = []): Promise<RedisServer> {
    const server = new RedisServer(program, await freePort(), options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn(this.#program, [...args, '--databases', '1024', ...this.#options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    for await (const line of createInterface(child.stdout))
      if (line.includes('Ready to accept connections')) return void child.stdout.resume();
    throw new Error(`${this.#program} did not start`);
  }

  /** What it held is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }
}
