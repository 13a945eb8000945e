import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { atEnd, temporaryFolder } from './cleanup.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const COMMAND = 'bin/postern.js';

type Variables = Record<string, string>;

/** Options of a server or a command. */
export interface PosternOptions {
  env?: Variables;
  /** Settings, merged over config/default.yaml. */
  settings?: object;
  /** By default the embedded PostgreSQL under DATA_DIR, a new folder unless `env` names one. */
  databaseUrl?: string;
  redisUrl?: string;
  /** A program with arguments that executes the server in its place. */
  launcher?: string[];
  /** Root of Postern, by default this checkout. */
  root?: string;
}

/** A running server. */
export interface Postern {
  /** The issuer, PUBLIC_URL. */
  url: string;
  port: number;
  child: ChildProcess;
  /** Its environment, for commands that run beside it. */
  env: Variables;
  /** Its standard output and standard error so far. */
  output(): string;
  /** Sends `signal` (SIGTERM) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** How a command ended. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** With FAST_PATH_TWICE servers compare their fast path with the library (`fast-path-preload.ts`). */
function withFastPathTwice(env: Variables): Variables {
  const { FAST_PATH_TWICE: file } = process.env;
  if (file === undefined) return env;
  const preload = path.join(import.meta.dirname, 'fast-path-preload.ts');
  return {
    ...env,
    FAST_PATH_TWICE: file,
    NODE_OPTIONS: `${env['NODE_OPTIONS'] ?? ''} --import ${preload}`.trim(),
  };
}

async function environment({
  env = {},
  settings,
  databaseUrl,
  redisUrl,
}: PosternOptions): Promise<Variables> {
  const folder = await temporaryFolder();
  const variables: Variables = {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'test',
    DATA_DIR: path.join(folder, 'data'),
  };
  if (databaseUrl !== undefined) {
    variables['DATABASE_URL'] = databaseUrl;
    variables['SECRETS_KEY'] = 'a-key-for-the-tests-alone-0123456789abcdef';
  }
  if (redisUrl !== undefined) variables['REDIS_URL'] = redisUrl;
  if (settings) {
    variables['CONFIG_FILE'] = path.join(folder, 'settings.yaml');
    // JSON is YAML.
    await writeFile(variables['CONFIG_FILE'], JSON.stringify(settings));
  }
  return withFastPathTwice({ ...variables, ...env });
}

/** Collects the output of `child` by stream. */
function listen(child: ChildProcess): { stdout: string; stderr: string; all: string } {
  const written = { stdout: '', stderr: '', all: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      written.all += text;
    });
  }
  return written;
}

/** Whether a server listens: a cheap check while one starts. */
async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, 'localhost');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

const isReady = async (port: number): Promise<boolean> =>
  (await isListening(port)) &&
  fetch(`http://localhost:${port}/readyz`).then(
    (response) => response.ok,
    () => false,
  );

/**
 * Starts the real server on a free port, waits until /readyz succeeds, and kills it at the end of the test file.
 * @throws with its output when it exits first.
 */
export async function startPostern(options: PosternOptions = {}): Promise<Postern> {
  const port = Number(options.env?.['PORT'] ?? (await freePort()));
  const url = options.env?.['PUBLIC_URL'] ?? `http://localhost:${port}`;
  const env = { ...(await environment(options)), PORT: String(port), PUBLIC_URL: url };
  const [program, ...args] = [...(options.launcher ?? []), process.execPath, COMMAND, 'serve'];
  const child = spawn(program, args, {
    cwd: options.root ?? ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = listen(child);
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const lastResort = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const [code, by] = await ended;
    clearTimeout(lastResort);
    return { code, signal: by };
  };
  atEnd(() => stop());
  while (!(await isReady(port))) {
    if (isOver())
      throw new Error(`the server ended (${child.exitCode ?? child.signalCode}):\n${written.all}`);
    await sleep(25);
  }
  return { url, port, child, env, output: () => written.all, stop };
}

/**
 * Runs the `postern` command.
 * @param options as for a server; `env` of a running one to work beside it
 */
export async function runCli(args: string[], options: PosternOptions = {}): Promise<Outcome> {
  const env = await environment(options);
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: options.root ?? ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = listen(child);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: written.stdout, stderr: written.stderr };
}
