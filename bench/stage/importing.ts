import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { importedHashes } from '../imported.ts';
import { residentMemory } from '../load/usage.ts';
import { on } from './cores.ts';
import { postern } from './population.ts';
import type { Stage } from './servers.ts';

export interface Imported {
  /** Accounts a second, including the command's start and end. */
  rate: number;
  /** The importer's peak resident memory: bytes. */
  rss: number;
  /** Peak memory of the second half divided by that of the first. */
  growth: number;
}

/** Writes users in Postern's import format, each with a foreign password hash, a role and a group. */
async function writePeople(file: string, count: number, run: string): Promise<void> {
  const out = createWriteStream(file);
  const hash = importedHashes.bcrypt;
  for (let n = 0; n < count; n++) {
    const person = {
      source_id: `${run}-${n}`,
      email: `${run}-${n}@imported.example`,
      email_verified: true,
      username: `${run}-${n}`,
      name: `Person ${n}`,
      password_hash: hash,
      roles: ['member'],
      groups: ['movers'],
      created_at: '2020-01-01T00:00:00Z',
    };
    if (!out.write(`${JSON.stringify(person)}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/**
 * Starts `postern import` of new accounts. @param run a number that no other import has. @returns its measurements,
 * in `done` when it ends.
 */
export async function startImport(
  stage: Stage,
  count: number,
  run: string,
): Promise<{ done: Promise<Imported> }> {
  const file = path.join(stage.directory, `people-${run}.ndjson`);
  await writePeople(file, count, run);
  const log = path.join(stage.directory, `import-${run}.json`);
  const out = createWriteStream(log);
  await once(out, 'open');
  const began = performance.now();
  const command = on('all', process.execPath, [postern, 'import', file, '--source', run, '--json']);
  const child = spawn(command.file, command.args, {
    env: stage.posternEnvironment,
    stdio: ['ignore', out, 'ignore'],
  });
  const exited = once(child, 'exit');
  const samples: number[] = [];
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const measure = async (): Promise<Imported> => {
    while (isRunning()) {
      try {
        samples.push(residentMemory([child.pid!]));
      } catch {
        // The process can end between two readings.
      }
      await Promise.race([sleep(100), exited]);
    }
    const seconds = (performance.now() - began) / 1000;
    await exited;
    const report = JSON.parse(readFileSync(log, 'utf8')) as { created: number };
    if (report.created !== count) throw new Error(`the import made ${report.created} of ${count} accounts`);
    const half = samples.length >> 1;
    return {
      rate: count / seconds,
      rss: Math.max(...samples),
      growth: Math.max(...samples.slice(half)) / Math.max(...samples.slice(0, half)),
    };
  };
  return { done: measure() };
}
