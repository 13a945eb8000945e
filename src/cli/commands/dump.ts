import type { Command } from 'commander';
import { type Report, reporting } from '../report.ts';

export function addDump(program: Command): void {
  const command = program
    .command('dump')
    .description(
      'write the whole database as SQL for psql to load into an empty one; works while the server runs',
    )
    .option('--file <file>', 'output file; default: standard output');
  reporting(command, async (options: { file?: string; json?: boolean }): Promise<Report> => {
    const { writeDump } = await import('../dump.ts');
    return writeDump(options);
  });
}
