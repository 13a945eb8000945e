/**
 * Writes `baseline.json.br`: the tree of the commit `postern.baseline` in package.json, for checkouts without history
 * and machines without git. Run it when that commit changes: `node test/support/pack-baseline.ts`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import manifest from '../../package.json' with { type: 'json' };

const ROOT = path.resolve(import.meta.dirname, '../..');

export const ARCHIVE = path.join(import.meta.dirname, 'baseline.json.br');

/** The tree of a commit: contents by path, without the bundles in views/vendor. */
export interface Packed {
  commit: string;
  files: Record<string, string>;
}

const PARTS = ['bin', 'config', 'migrations', 'package.json', 'src', 'views'];

function pack(commit: string): void {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const names = git('ls-tree', '-r', '--name-only', commit, '--', ...PARTS)
    .split('\n')
    .filter((name) => name !== '' && !name.startsWith('views/vendor/'));
  const files = Object.fromEntries(names.map((name) => [name, git('show', `${commit}:${name}`)]));
  const text = JSON.stringify({ commit, files } satisfies Packed);
  writeFileSync(ARCHIVE, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } }));
}

if (import.meta.main) pack(manifest.postern.baseline);
