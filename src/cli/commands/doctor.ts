import type { Command } from 'commander';
import { reporting } from '../report.ts';

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'check configuration, stores, keys, clock and mail, and advise what to do; exit status 1 on a problem',
    );
  reporting(command, async () => (await import('../doctor/index.ts')).doctor());
}
