import { mkdir, open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError } from './embedded-errors.ts';

/** Enough to notice a full disk, too little to notice. */
const PROBE = Buffer.alloc(64 * 1024);

/**
 * Makes DATA_DIR, closed to everyone else, and proves that it can be written.
 * @throws StartupError when it is no folder, closed, read-only or full.
 */
export async function prepareDataDir(dataDir: string): Promise<void> {
  const probe = path.join(dataDir, `.probe-${process.pid}`);
  try {
    // Run by root, PostgreSQL has an account of its own, which must be able to pass.
    const made = await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    if (made === undefined && !(await stat(dataDir)).isDirectory())
      throw Object.assign(new Error(), { code: 'ENOTDIR' });
    const file = await open(probe, 'w', 0o600);
    try {
      await file.writeFile(PROBE);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFileError(error, dataDir);
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}
