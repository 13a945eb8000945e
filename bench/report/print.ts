import { availableParallelism } from 'node:os';
import type { Results, Source } from '../results.ts';
import { judge, megabytes } from './targets.ts';

/** Columns as wide as their widest cell, the first `left` of them flush left. */
function table(rows: string[][], left: number): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return rows.map(line).join('\n');
}

const machine = ({ loadBefore }: Results): string =>
  `Node ${process.version}, ${availableParallelism()} cores, load average before the run ${loadBefore.toFixed(1)}`;

const decimals = (value: number | null, digits: number): string => value?.toFixed(digits) ?? '-';

function measured(results: Results): string {
  const rows = [...results.measurements.keys()].map((source) => {
    const [scenario, server] = source.split('/') as [string, string];
    const ratio = (base: Source) => (base === source ? '-' : decimals(results.ratio(source, base, 'cpu'), 2));
    return [
      scenario,
      server,
      decimals(results.median(source, 'rate'), 0),
      decimals(results.median(source, 'p50'), 2),
      decimals(results.median(source, 'p99'), 2),
      decimals(results.median(source, 'cpu'), 0),
      decimals(megabytes(results.median(source, 'rss')), 0),
      ratio(`${scenario}/bare`),
      server.startsWith('postern') ? ratio(`${scenario}/bare-stores`) : '-',
    ];
  });
  const head = [
    'scenario',
    'server',
    'per s',
    'p50 ms',
    'p99 ms',
    'CPU µs',
    'RSS MB',
    'CPU/bare',
    'CPU/same stores',
  ];
  return table([head, ...rows], 2);
}

function targets(results: Results): string {
  const rows = judge(results).map(({ name, target, measured, met }) => [
    name,
    target,
    measured,
    met === null ? '-' : met ? 'yes' : 'NO',
  ]);
  return table([['target', 'to reach', 'measured', 'met'], ...rows], 1);
}

/** The tables for people: what was measured (medians over the rounds), and each target beside it. */
export const report = (results: Results): string =>
  `\n${machine(results)}\n\n${measured(results)}\n\n${targets(results)}\n`;

/** Everything for machines: each round's numbers and the verdicts. */
export function toJson(results: Results): string {
  return JSON.stringify(
    {
      machine: machine(results),
      measurements: Object.fromEntries(results.measurements),
      facts: Object.fromEntries(results.facts),
      targets: judge(results),
    },
    null,
    2,
  );
}
