import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import manifest from '../../package.json' with { type: 'json' };
import { temporaryFolder } from './cleanup.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

const git = (...args: string[]) => run('git', ['-C', ROOT, ...args]);

/** Fetches the commit alone where the checkout is shallow. @throws saying what to do when it cannot be had. */
async function have(commit: string): Promise<void> {
  try {
    await git('cat-file', '-e', `${commit}^{commit}`);
  } catch {
    await git('fetch', '--quiet', '--depth=1', 'origin', commit).catch((error: unknown) => {
      throw new Error(
        `This checkout lacks ${commit}, the version that must run beside this one (postern.baseline in package.json). Clone without --depth, or: git fetch --unshallow`,
        { cause: error },
      );
    });
  }
}

/**
 * The last released version, or the one that stands for it: `postern.baseline` in package.json.
 * @returns a folder with its tree and this version's packages.
 */
export async function baseline(): Promise<string> {
  const { baseline: commit } = manifest.postern;
  await have(commit);
  const folder = path.join(await temporaryFolder(), 'baseline');
  await mkdir(folder);
  const archive = `${folder}.tar`;
  await git(
    'archive',
    '--output',
    archive,
    commit,
    'bin',
    'config',
    'migrations',
    'package.json',
    'src',
    'views',
  );
  await run('tar', ['-x', '-f', archive, '-C', folder]);
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}
