import type { Command, CommanderError } from 'commander';
import { explainFailure } from './failure.ts';

/** What a command has to say: the same for scripts and for people. */
export interface Report {
  json: Record<string, unknown>;
  text: string;
  /** Exit status 1 although the command ran. */
  failed?: boolean;
  /** Another one than 0, where it tells more. */
  exitCode?: number;
}

/** Gives `command` its work and --json, with which standard output is one JSON object and nothing else. */
export function reporting<Args extends unknown[]>(
  command: Command,
  work: (...args: Args) => Promise<Report>,
): Command {
  return command.option('--json', 'print one JSON object and nothing else').action(async (...args) => {
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

/** Says in JSON on standard output what the parser of the command line has said on standard error. */
export function printUsageError({ code, message }: CommanderError): void {
  const what = code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
  console.log(JSON.stringify({ error: { code: 'usage', message: what } }));
}

/** Says on standard error why a command failed, and in JSON on standard output when asked to. */
export function fail(error: unknown, json: boolean): void {
  const { code, message, exitCode, stack } = explainFailure(error);
  process.exitCode = exitCode;
  console.error(`postern: ${stack ?? message}`);
  if (json) console.log(JSON.stringify({ error: { code, message } }));
}

/** Rows under headings, each column as wide as it needs. */
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

/** A value of JSON for people. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(' ') || '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Names and values, one a line. */
export function facts(pairs: [name: string, value: string][]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
