/**
 * `npm run test:mutation -- [file[:line]...] [--sample n] [--seed n] [--tests file,file]`: applies one mutant after another
 * (`support/mutants.ts`) in a copy of the repository, runs the tests that cover it, and lists the survivors. Without files it
 * samples the guards. Run it by hand, it is not part of `npm test`: each mutant takes a run of its tests.
 */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { GUARDS, testsFor } from './support/mutation-targets.ts';
import { type Mutant, mutantsOf } from './support/mutants.ts';
import { startProvisions } from './support/provisions.ts';
import { runJest, sweep } from './support/run-jest.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SAMPLE = 100;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    tests: { type: 'string' },
  },
});
const files = positionals.length > 0 ? positionals : GUARDS;
const size = Number(options.sample ?? (positionals.length > 0 ? Infinity : SAMPLE));

interface Candidate extends Mutant {
  file: string;
  tests: string[];
}

/** Reproducible numbers from 0 to 1 for a seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function candidatesIn(target: string): Promise<Candidate[]> {
  const [file = '', line] = target.split(':');
  const tests = options.tests?.split(',') ?? testsFor(file);
  if (!tests) throw new Error(`${file}: name its tests by --tests, or in test/support/mutation-targets.ts.`);
  return mutantsOf(await readFile(path.join(ROOT, file), 'utf8'))
    .filter((mutant) => line === undefined || mutant.line === Number(line))
    .map((mutant) => ({ ...mutant, file, tests }));
}

async function sampled(): Promise<Candidate[]> {
  const all = (await Promise.all(files.map(candidatesIn))).flat();
  const random = randomNumbers(Number(options.seed));
  return all
    .map((candidate) => ({ candidate, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, size)
    .map(({ candidate }) => candidate)
    .toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

/** Copies the files that Git knows or would add. Dependencies are shared. */
async function copyTo(copy: string): Promise<void> {
  const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT });
  for (const name of listed.toString().split('\0').filter(Boolean)) {
    await mkdir(path.dirname(path.join(copy, name)), { recursive: true });
    await cp(path.join(ROOT, name), path.join(copy, name)).catch(() => undefined);
  }
  await symlink(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
}

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

const folder = await mkdtemp(path.join(tmpdir(), 'postern-mutation-'));
const copy = path.join(folder, 'copy');
const data = path.join(folder, 'data');
try {
  await chmod(folder, 0o711);
  await mkdir(data, { mode: 0o711 });
  const mutants = await sampled();
  await copyTo(copy);
  const provisions = await startProvisions(data);
  const environment = { TEST_FOLDER: data, TEST_PROVISIONS: provisions.url };

  /** @returns whether the tests pass, and how many milliseconds they took. */
  const run = async (tests: readonly string[], limit: number) => {
    const began = Date.now();
    const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(limit)]);
    const parameters = ['--maxWorkers=1', '--bail', '--reporters=<rootDir>/test/support/first-failure.ts'];
    const code = await runJest([...parameters, '--runTestsByPath', ...tests], {
      root: copy,
      environment,
      signal,
      isShown: false,
    });
    return { passes: code === 0, took: Date.now() - began };
  };

  /** How long tests take without a mutant, in milliseconds. */
  const usual = new Map<string, number>();
  const survivors: string[] = [];
  try {
    for (const { file, line, change, code, tests } of mutants) {
      const key = tests.join(' ');
      if (!usual.has(key)) {
        const { passes, took } = await run(tests, 600_000);
        if (interrupted.signal.aborted) break;
        if (!passes) throw new Error(`The tests fail without a mutant: ${key}`);
        usual.set(key, took);
      }
      const target = path.join(copy, file);
      const original = await readFile(target);
      await writeFile(target, code);
      const { passes, took } = await run(tests, 30_000 + 3 * (usual.get(key) ?? 0));
      await writeFile(target, original);
      if (interrupted.signal.aborted) break;
      const name = `${file}:${line} ${change}`;
      process.stdout.write(
        `${passes ? 'SURVIVED' : 'killed  '} ${(took / 1000).toFixed(0).padStart(3)} s  ${name}\n`,
      );
      if (passes) survivors.push(name);
    }
  } finally {
    await provisions.stop();
  }
  process.stdout.write(
    `\n${mutants.length} mutants, ${survivors.length} survived\n${survivors.join('\n')}\n`,
  );
  process.exitCode = survivors.length === 0 && !interrupted.signal.aborted ? 0 : 1;
} finally {
  await sweep(data);
  await rm(folder, { recursive: true, force: true });
}
