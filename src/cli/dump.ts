/** `postern dump`: moves the database to another PostgreSQL. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/index.ts';
import { dump } from '../storage/postgres/dump.ts';
import { UsageError } from './failure.ts';
import { toFile, toStandardOutput } from './output.ts';
import type { Report } from './report.ts';
import { withDatabase } from './session.ts';

/** The dump is unreadable without SECRETS_KEY, which is not in it. */
const keyHint = ({ secretsKey, dataDir }: Config): string =>
  secretsKey === undefined
    ? `Set SECRETS_KEY of the new server to the content of ${path.join(dataDir, 'secrets.key')}.`
    : 'Keep the same SECRETS_KEY.';

/**
 * Writes the database to `file`, or to standard output, followed by the report as a comment.
 * @throws UsageError when `--json` asks for standard output as well; StartupError when it cannot be written or read.
 */
export async function writeDump({ file, json = false }: { file?: string; json?: boolean }): Promise<Report> {
  if (file === undefined && json) throw new UsageError('--json needs --file.');
  return withDatabase(async (database, config) => {
    const pieces = dump(database.url);
    const hint = keyHint(config);
    if (file === undefined) {
      await toStandardOutput(pieces);
      return { json: {}, text: `-- ${hint}` };
    }
    await toFile(pieces, file);
    const { size } = await stat(file);
    const load = `Load it into an empty database: psql --file=${file} <DATABASE_URL>`;
    return { json: { file, bytes: size }, text: `Wrote ${file}, ${size} bytes. ${load}\n${hint}` };
  });
}
