import { chmod, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { afterAll } from '@jest/globals';
import type { Provision } from './provisions.ts';

const tasks: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const task of tasks.reverse()) await task();
});

/** Runs `task` at the end of the test file; the last registered task runs first. */
export function atEnd(task: () => Promise<unknown>): void {
  tasks.push(task);
}

/** Creates a folder that is removed after the run. Other users may enter it, but not list it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(environment('TEST_FOLDER'), 'test-'));
  await chmod(folder, 0o711);
  return folder;
}

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests with npm test`);
  return value;
}

/** Returns what the run provides under `name`: the URL of a server or the path of a program. @throws naming what to install. */
export async function provided(name: Provision): Promise<string> {
  const reply = await fetch(`${environment('TEST_PROVISIONS')}/${name}`);
  const text = await reply.text();
  if (!reply.ok) throw new Error(text);
  return text;
}
