import { cpus } from 'node:os';
import type { Metric, Results, Source, Spread } from '../results.ts';
import { cores } from '../stage/cores.ts';
import { judge, shown } from './targets.ts';

/** Formats columns as wide as their widest cell; the first `left` are left-aligned. */
function table(rows: string[][], left: number): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return rows.map(line).join('\n');
}

function machine({ loadBefore, measurements }: Results): string {
  const turns = Math.max(0, ...[...measurements.values()].map(({ length }) => length));
  const place = cores ? `server on core ${cores.server}, load on core ${cores.others}` : 'not pinned';
  return (
    `Node ${process.version}, ${cpus().length} cores, ${place}, load average before the run ` +
    `${loadBefore.toFixed(1)}; ${turns} turns, medians [quartiles]`
  );
}

function measured(results: Results): string {
  const cell = (spread: Spread | null, digits: number): string => (spread ? shown(spread, digits) : '-');
  const rows = [...results.measurements.keys()].map((source) => {
    const [scenario, server] = source.split('/') as [string, string];
    const median = (metric: Metric, digits: number, unit = 1): string => {
      const spread = results.spread(source, metric);
      return spread ? (spread.median / unit).toFixed(digits) : '-';
    };
    const ratio = (base: Source) => (base === source ? '-' : cell(results.ratio(source, base, 'cpu'), 2));
    return [
      scenario,
      server,
      cell(results.spread(source, 'rate'), 0),
      median('p50', 2),
      median('p99', 2),
      cell(results.spread(source, 'cpu'), 0),
      median('rss', 0, 1e6),
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
  const known = judge(results).filter((verdict) => verdict.measured !== '-');
  const rows = known.map(({ name, target, measured, met }) => [
    name,
    target,
    measured,
    met === null ? '-' : met ? 'reached' : 'MISSED',
  ]);
  return table([['target', 'to reach', 'measured', 'verdict'], ...rows], 1);
}

/** Prints the measurements and targets as tables. */
export const report = (results: Results): string =>
  `\n${machine(results)}\n\n${measured(results)}\n\n${targets(results)}\n`;

/** Machine-readable report: the measurements of each turn and the verdicts. */
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
