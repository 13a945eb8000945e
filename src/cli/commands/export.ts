import { type Command, Option } from 'commander';
import type { ExportFormat } from '../../domain/exports/index.ts';
import { fail } from '../report.ts';

/** Listed here so that `--help` does not load the exporters. */
const FORMATS: ExportFormat[] = ['ndjson', 'keycloak', 'auth0'];

interface Options {
  format: ExportFormat;
  withHashes?: boolean;
  file?: string;
}

async function exportAccounts({ format, withHashes = false, file }: Options): Promise<void> {
  try {
    const { writeExport } = await import('../export.ts');
    await writeExport({ format, withHashes, file });
  } catch (error) {
    fail(error, false);
  }
}

export function addExport(program: Command): void {
  program
    .command('export')
    .description('write every account, for another Postern or another product; that is an event of the audit')
    .addOption(
      new Option('--format <format>', 'whose form the accounts have').choices(FORMATS).default('ndjson'),
    )
    .option('--with-hashes', 'with password hashes, secrets of authenticators and recovery codes')
    .option('--file <file>', 'where to; standard output unless given')
    .action(exportAccounts);
}
