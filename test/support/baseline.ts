import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import manifest from '../../package.json' with { type: 'json' };
import { temporaryFolder } from './cleanup.ts';
import { ARCHIVE, type Packed } from './pack-baseline.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * Unpacks the last released version, or the commit that `postern.baseline` in package.json names.
 * @returns a folder with its tree and this version's packages.
 */
export async function baseline(): Promise<string> {
  const unpacked = await promisify(brotliDecompress)(await readFile(ARCHIVE));
  const { commit, files } = JSON.parse(unpacked.toString()) as Packed;
  if (commit !== manifest.postern.baseline)
    throw new Error(`${ARCHIVE} holds ${commit}. Run: node test/support/pack-baseline.ts`);
  const folder = path.join(await temporaryFolder(), 'baseline');
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  for (const shared of ['node_modules', 'views/vendor'])
    await symlink(path.join(ROOT, shared), path.join(folder, shared));
  return folder;
}
