import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import path from 'node:path';

const TESTS = path.resolve(import.meta.dirname, '..');

/** Helpers that start a server, a browser or another process; `postgres.ts` and `redis.ts` import theirs. */
const SERVERS = new Set(
  ['browser.ts', 'embedded.ts', 'postern.ts', 'postgres-server.ts', 'redis-server.ts'].map((name) =>
    path.join(import.meta.dirname, name),
  ),
);

/** Runtime imports of a file, without `import type`. */
const IMPORTS = /^(?:import|export)\s(?!type\b)(?:[^;]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm;

function importsOf(file: string): string[] {
  const found = [...readFileSync(file, 'utf8').matchAll(IMPORTS)];
  return found.map(([, fixed = '', late = fixed]) =>
    late.startsWith('.') ? path.join(path.dirname(file), late) : late,
  );
}

/** Whether the file, or one beside the tests that it imports, needs a server, a browser or another process. */
function needsServers(file: string, seen: Set<string>): boolean {
  if (SERVERS.has(file) || file === 'node:child_process') return true;
  if (seen.has(file) || !file.startsWith(TESTS) || !file.endsWith('.ts')) return false;
  seen.add(file);
  return importsOf(file).some((one) => needsServers(one, seen));
}

/** The test files that run in their own process alone. */
export async function unitTests(): Promise<string[]> {
  const files = await Array.fromAsync(glob('**/*.test.ts', { cwd: TESTS }));
  return files
    .map((file) => path.join(TESTS, file))
    .filter((file) => !needsServers(file, new Set()))
    .toSorted();
}
