import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
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
 * Creates a Python with the examples' packages, once for each version of examples/requirements.txt.
 * @param python3 a Python that can make a virtual environment. @returns its path.
 * @throws with pip's own message if that fails.
 */
export async function createExamplesPython(python3: string): Promise<string> {
  const version = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = path.join(ROOT, 'node_modules/.cache', `examples-python-${version}`);
  const complete = path.join(folder, 'complete');
  const bin = path.join(folder, 'bin/python');
  const isComplete = await access(complete).then(
    () => true,
    () => false,
  );
  if (!isComplete) {
    await run(python3, ['-m', 'venv', '--clear', folder]);
    await run(bin, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]);
    await run(bin, ['-c', `open(${JSON.stringify(complete)}, "w").close()`]);
  }
  return bin;
}
