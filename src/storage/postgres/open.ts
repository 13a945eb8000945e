import type { Config } from '../../config/index.ts';
import type { Logger } from '../../core/logger.ts';
import { noProgress } from '../../core/progress.ts';
import { openEmbedded } from './embedded.ts';

/** The database that this process works on. */
export interface Database {
  url: string;
  /** Makes this process the only server on an embedded database. @throws StartupError when there is one. */
  claimServer(publicUrl: string): Promise<void>;
  close(): Promise<void>;
}

/** DATABASE_URL, or the embedded PostgreSQL under DATA_DIR, started when it does not run yet. @throws StartupError. */
export async function openDatabase(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  logger: Logger,
  progress = noProgress,
): Promise<Database> {
  if (databaseUrl !== undefined)
    return { url: databaseUrl, claimServer: async () => undefined, close: async () => undefined };
  const embedded = await openEmbedded({ dataDir, logger, progress });
  return {
    url: embedded.databaseUrl,
    claimServer: (url) => embedded.claimServer(url),
    close: () => embedded.close(),
  };
}
