/** `postern import`: turns options into a request and reports progress. */
import {
  type ImportReport,
  type ImportRequest,
  ImportUsage,
  type Input,
  isFormat,
  openFile,
  openStream,
  readMapping,
  READERS,
} from '../domain/imports/index.ts';
import { openAccountImports } from '../container/moving.ts';
import { UsageError } from './failure.ts';
import { operator } from './operator.ts';
import { facts, type Report } from './report.ts';
import { withCore } from './session.ts';

interface Options {
  from?: string;
  query?: string;
  with?: string[];
  mapping?: Record<string, unknown>;
  map?: string[];
  model?: string;
  source?: string;
  mapRole?: string[];
  mapProvider?: string[];
  hashParams?: Record<string, unknown>;
  wrapWeak?: boolean;
  dryRun?: boolean;
  onConflict: 'skip' | 'update' | 'fail';
  onBadHash: 'fail' | 'without-password';
  missingEmail: 'fail' | 'placeholder';
}

/** Parses `from=to` at the last equals sign: role names of other systems may contain one. */
function pairs(option: string, values: readonly string[] = []): Map<string, string> {
  return new Map(
    values.map((value) => {
      const at = value.lastIndexOf('=');
      if (at < 1) throw new UsageError(`${option} must be from=to, not ${value}`);
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );
}

/** @throws UsageError. */
export async function open(file: string): Promise<Input> {
  try {
    return await (file === '-' ? openStream(process.stdin) : openFile(file));
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new UsageError(`Cannot read ${file} (${code}).`);
  }
}

const isDatabase = (from: string | undefined): from is string => /^postgres(?:ql)?:\/\//.test(from ?? '');

/** Resolves the files of a request. Files and a query exclude each other. */
async function sourceOf(
  file: string | undefined,
  { from, query, with: others = [] }: Options,
  opened: Input[],
): Promise<ImportRequest['from']> {
  if (isDatabase(from)) {
    if (query === undefined || file !== undefined || others.length > 0)
      throw new UsageError('--from postgres://… needs --query and no file.');
    return { databaseUrl: from, query };
  }
  if (query !== undefined) throw new UsageError('--query needs --from postgres://….');
  if (file === undefined) throw new UsageError('The file is missing; use - for standard input.');
  if (from !== undefined && !isFormat(from))
    throw new UsageError(
      `--from must be ${Object.keys(READERS).join(', ')} or postgres://…, not ${String(from)}`,
    );
  for (const name of [file, ...others]) opened.push(await open(name));
  const [input, ...companions] = opened as [Input, ...Input[]];
  return { input, companions, format: from ?? null };
}

/** Milliseconds between two progress reports: on a terminal, and in a log. */
const EVERY = { terminal: 500, log: 10_000 };

/** Reports progress, rate and remaining time on standard error. */
function progressOf(input: Input | null): (report: ImportReport) => void {
  const isTerminal = process.stderr.isTTY;
  const every = isTerminal ? EVERY.terminal : EVERY.log;
  const start = Date.now();
  let last = start;
  return ({ read, failed }) => {
    const now = Date.now();
    if (now - last < every) return;
    last = now;
    const seconds = (now - start) / 1000;
    const done = input && input.size > 0 ? Math.min(1, input.position / input.size) : null;
    const left = done
      ? `, ${Math.round(done * 100)} %, ${Math.ceil((seconds / done) * (1 - done))} s left`
      : '';
    const words = `${read} accounts, ${Math.round(read / seconds)} a second${left}${failed > 0 ? `, ${failed} failed` : ''}`;
    process.stderr.write(isTerminal ? `\r\u001b[K${words}` : `postern: ${words}\n`);
  };
}

const SHOWN_PROBLEMS = 20;

export function textOf(
  { problems, problems_omitted: omitted, ...counts }: ImportReport,
  isDryRun: boolean,
): string {
  const lines = problems
    .slice(0, SHOWN_PROBLEMS)
    .map(
      ({ line, file, code, message, severity }) =>
        `${file ? `${file} ` : ''}line ${line}: ${severity === 'warning' ? 'warning, ' : ''}${code}: ${message}`,
    );
  const rest = problems.length - lines.length + omitted;
  const more =
    rest > 0 ? [`and ${rest} more: --json lists ${rest > omitted ? 'them' : 'the first 1000'}`] : [];
  const names = ['read', 'created', 'updated', 'skipped', 'failed'] as const;
  const head = isDryRun ? ['Dry run: nothing was changed.'] : [];
  return [...head, ...lines, ...more, facts(names.map((name) => [name, String(counts[name])]))].join('\n');
}

/** Imports accounts. Exits with 1 when a record failed. @throws UsageError. */
export async function importAccounts(file: string | undefined, options: Options): Promise<Report> {
  const opened: Input[] = [];
  try {
    const roles = pairs('--map-role', options.mapRole);
    const providers = pairs('--map-provider', options.mapProvider);
    const mapping = readMapping(options.mapping ?? {}, options.map ?? []);
    const from = await sourceOf(file, options, opened);
    const request: ImportRequest = {
      from,
      mapping,
      model: options.model,
      source: options.source,
      options: {
        roles,
        providers,
        onConflict: options.onConflict,
        onBadHash: options.onBadHash,
        missingEmail: options.missingEmail,
        isDryRun: options.dryRun ?? false,
        wrapsWeak: options.wrapWeak ?? false,
        hashParams: options.hashParams ?? {},
        way: 'import',
      },
    };
    const report = await withCore((core) =>
      openAccountImports(core).run(request, operator(), progressOf(opened[0] ?? null)),
    );
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    const { read, created, updated, skipped, failed, problems, problems_omitted } = report;
    return {
      json: { read, created, updated, skipped, failed, problems, problems_omitted },
      text: textOf(report, options.dryRun ?? false),
      failed: failed > 0,
    };
  } catch (error) {
    if (error instanceof ImportUsage) throw new UsageError(error.message);
    throw error;
  } finally {
    for (const input of opened) await input.close();
  }
}
