import { type ChildProcess, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd, provided, temporaryFolder } from '../../support/cleanup.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** A Python with the examples' packages, which the run creates once. */
export const python = (): Promise<string> => provided('examples-python');

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
