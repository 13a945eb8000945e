import type { Command, CommanderError } from 'commander';
import { explainFailure } from './failure.ts';

/** The result of a command, for scripts and for people. */
export interface Report {
  json: Record<string, unknown>;
  text: string;
  /** Exit with 1 although the command ran. */
  failed?: boolean;
  /** The exit status, where it is not 0. */
  exitCode?: number;
}

/** Sets the action of `command` and adds `--json`: one JSON object on standard output, and nothing else. */
export function reporting<Args extends unknown[]>(
  command: Command,
  work: (...args: Args) => Promise<Report>,
): Command {
  return command.option('--json', 'print only one JSON object').action(async (...args) => {
    const { json = false } = command.opts<{ json?: boolean }>();
    try {
      const report = await work(...(args as unknown as Args));
      console.log(json ? JSON.stringify(report.json) : report.text);
      if (report.failed) process.exitCode = 1;
      if (report.exitCode !== undefined) process.exitCode = report.exitCode;
    } catch (error) {
      fail(error, json);
    }
  });
}

/** Repeats the parser's error as JSON on standard output. */
export function printUsageError({ code, message }: CommanderError): void {
  const what = code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
  console.log(JSON.stringify({ error: { code: 'usage', message: what } }));
}

/** Reports a failure on standard error, and as JSON on standard output with `--json`. */
export function fail(error: unknown, json: boolean): void {
  const { code, message, exitCode, stack } = explainFailure(error);
  process.exitCode = exitCode;
  console.error(`postern: ${stack ?? message}`);
  if (json) console.log(JSON.stringify({ error: { code, message } }));
}

/** Formats rows as a table. */
export function table(headings: string[], rows: string[][]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Formats a JSON value for people. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(' ') || '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Formats names and values, one a line. */
export function facts(pairs: [name: string, value: string][]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
