import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomToken } from '../core/ids.ts';
import { StartupError } from '../core/errors.ts';
import type { Config } from './index.ts';

/**
 * SECRETS_KEY, or in embedded mode the key file under DATA_DIR (mode 0600), created when missing.
 * @throws StartupError when the file cannot be read or written, or its key is too short.
 */
export async function resolveSecretsKey({
  secretsKey,
  dataDir,
}: Pick<Config, 'secretsKey' | 'dataDir'>): Promise<string> {
  if (secretsKey !== undefined) return secretsKey;
  const file = path.join(dataDir, 'secrets.key');
  try {
    await mkdir(dataDir, { recursive: true });
    // Only one of several processes that start at once creates the file.
    await writeFile(file, randomToken(48), { mode: 0o600, flag: 'wx' }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
    const key = (await readFile(file, 'utf8')).trim();
    if (key.length >= 32) return key;
  } catch (error) {
    throw new StartupError(
      `DATA_DIR: cannot read or write ${file} (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
      { cause: error },
    );
  }
  throw new StartupError(
    `${file} is damaged: restore it from a backup. Without it the keys in the database cannot be read.`,
  );
}
