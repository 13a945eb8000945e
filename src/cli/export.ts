/** `postern export`: streams accounts to standard output or a file. */
import { openAccountExports } from '../container/moving.ts';
import type { ExportFormat } from '../domain/exports/index.ts';
import { operator } from './operator.ts';
import { toFile, toStandardOutput } from './output.ts';
import { withCore } from './session.ts';

export async function writeExport(options: {
  format: ExportFormat;
  withHashes: boolean;
  file: string | undefined;
}): Promise<void> {
  await withCore(async (core) => {
    const pieces = openAccountExports(core).write(options, operator());
    await (options.file === undefined ? toStandardOutput(pieces) : toFile(pieces, options.file));
  });
}
