import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from './ports.ts';

/** Files of a self-signed certificate and its key. */
export interface RedisTls {
  cert: string;
  key: string;
}

/** An in-memory Redis server for tests on a fixed port. */
export class RedisServer {
  readonly port: number;
  readonly #program: string;
  readonly #options: string[];
  readonly #tls: RedisTls | undefined;
  #child: ChildProcess | null = null;

  private constructor(program: string, port: number, options: string[], tls?: RedisTls) {
    this.#program = program;
    this.port = port;
    this.#options = options;
    this.#tls = tls;
  }

  /**
   * @param options further options of redis-server, such as `--cluster-enabled yes` @param tls certificate for a
   * TLS-only server
   */
  static async start(program: string, options: string[] = [], tls?: RedisTls): Promise<RedisServer> {
    const server = new RedisServer(program, await freePort(), options, tls);
    await server.start();
    return server;
  }

  get url(): string {
    return `${this.#tls ? 'rediss' : 'redis'}://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const port = String(this.port);
    const listening = this.#tls
      ? ['--port', '0', '--tls-port', port, '--tls-auth-clients', 'no', '--tls-replication', 'yes']
      : ['--port', port];
    if (this.#tls) {
      const { cert, key } = this.#tls;
      listening.push('--tls-cluster', 'yes', '--tls-cert-file', cert, '--tls-key-file', key);
      listening.push('--tls-ca-cert-file', cert);
    }
    const args = [...listening, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn(this.#program, [...args, '--databases', '1024', ...this.#options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    for await (const line of createInterface(child.stdout))
      if (line.includes('Ready to accept connections')) return void child.stdout.resume();
    throw new Error(`${this.#program} did not start`);
  }

  /** Lets it hang: it keeps its connections and answers nothing until it is resumed. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Its data is lost. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    child.kill(signal);
    // A paused process ends once it is resumed.
    child.kill('SIGCONT');
    await once(child, 'exit');
  }
}
