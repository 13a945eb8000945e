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
    .description('export all accounts for another Postern or another product (recorded in the audit)')
    .addOption(new Option('--format <format>', 'output format').choices(FORMATS).default('ndjson'))
    .option('--with-hashes', 'include password hashes, TOTP secrets and recovery codes')
    .option('--file <file>', 'output file; default: standard output')
    .action(exportAccounts);
}
