import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd, provided, temporaryFolder } from '../../support/cleanup.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const REQUIREMENTS = path.join(ROOT, 'examples/requirements.txt');

async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${output}`);
}

/**
 * A Python with the examples' packages, created once for each version of examples/requirements.txt.
 * @throws with pip's own message if that fails.
 */
export async function python(): Promise<string> {
  const version = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = path.join(ROOT, 'node_modules/.cache', `examples-python-${version}`);
  const complete = path.join(folder, 'complete');
  const bin = path.join(folder, 'bin/python');
  const isComplete = await access(complete).then(
    () => true,
    () => false,
  );
  if (!isComplete) {
    await run(await provided('python3'), ['-m', 'venv', '--clear', folder]);
    await run(bin, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]);
    await run(bin, ['-c', `open(${JSON.stringify(complete)}, "w").close()`]);
  }
  return bin;
}

interface Options {
  /** The folder below examples/. */
  name: string;
  port: number;
  issuer: string;
  client?: { client_id: string; client_secret?: string };
  /** For an API: the audience of its tokens. */
  audience?: string;
}

/**
 * Runs an example for the rest of the test file. @returns its address, once it answers. @throws with its
 * output if it exits.
 */
export async function startExample({ name, port, issuer, client, audience }: Options): Promise<string> {
  const folder = path.join(ROOT, 'examples', name);
  const isPython = await access(path.join(folder, 'app.py')).then(
    () => true,
    () => false,
  );
  const [command, script] = isPython ? [await python(), 'app.py'] : [process.execPath, 'app.js'];
  const child: ChildProcess = spawn(command, [path.join(folder, script)], {
    env: {
      PATH: process.env['PATH'] ?? '',
      ISSUER: issuer,
      CLIENT_ID: client?.client_id ?? '',
      CLIENT_SECRET: client?.client_secret ?? '',
      AUDIENCE: audience ?? '',
      PORT: String(port),
      AUTH_SECRET: 'a-secret-of-the-example-0123456789',
      SESSION_SECRET: 'a-secret-of-the-example-0123456789',
      DATABASE: path.join(await temporaryFolder(), 'database.sqlite3'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  atEnd(async () => {
    child.kill('SIGKILL');
  });
  const url = `http://localhost:${port}`;
  const answers = () =>
    fetch(url).then(
      () => true,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output}`);
    await sleep(50);
  }
  return url;
}
