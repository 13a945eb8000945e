import type { Command } from 'commander';
import { METRICS } from '../../domain/operators/stats.ts';
import { manager } from '../operator.ts';
import { integer } from '../options.ts';
import { type Report, reporting, table } from '../report.ts';

async function show({ days }: { days: number }): Promise<Report> {
  const { withCore } = await import('../session.ts');
  const all = await withCore(({ stats }) => stats.list(manager(), days));
  const rows = all.map((day) => [day.day, ...METRICS.map((metric) => String(day[metric]))]);
  const title = ['day', ...METRICS.map((metric) => metric.replace('_', '-'))];
  return { json: { days: all }, text: table(title, rows) };
}

export function addStats(program: Command): void {
  reporting(
    program
      .command('stats')
      .description('show daily numbers: sign-ins, failures, sign-ups, people, tokens, attacks')
      .option('--days <n>', 'number of days, including today', integer(1, 400), 30),
    show,
  );
}
