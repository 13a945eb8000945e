import type { Command } from 'commander';
import { type Report, reporting } from '../report.ts';

export function addDump(program: Command): void {
  const command = program
    .command('dump')
    .description(
      'write the whole database as SQL that psql loads into an empty one, also beside a running server',
    )
    .option('--file <file>', 'where to; standard output unless given');
  reporting(command, async (options: { file?: string; json?: boolean }): Promise<Report> => {
    const { writeDump } = await import('../dump.ts');
    return writeDump(options);
  });
}
