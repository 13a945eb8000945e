import { newUuid } from '../../core/ids.ts';
import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import { type BatchDependencies, createBatches } from './batch.ts';
import {
  type Candidate,
  createPreparation,
  type ImportOptions,
  type PreparationDependencies,
} from './preparation.ts';
import { type Problem, Refused, type Warning } from './problems.ts';
import type { RawRecord } from './record.ts';

/** The result of reading a line: a record, or the reason for none. */
export interface Row {
  line: number;
  record?: RawRecord;
  /** Without a record: an error fails, a warning skips it. */
  problem?: Omit<Problem, 'line'>;
  warnings?: Warning[];
}

export interface ImportReport {
  read: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  /** The first ones, by line. */
  problems: Problem[];
  problems_omitted: number;
}

/** Maximum of problems in a report. */
const MAX_PROBLEMS = 1000;
/** Records per transaction. */
const BATCH = 500;

export class Report implements ImportReport {
  read = 0;
  created = 0;
  updated = 0;
  skipped = 0;
  failed = 0;
  problems: Problem[] = [];
  problems_omitted = 0;

  add(outcome: 'created' | 'updated' | 'skipped' | 'failed'): void {
    this.read += 1;
    this[outcome] += 1;
  }

  tell(problem: Problem): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(problem);
    else this.problems_omitted += 1;
  }

  warn(line: number, warnings: readonly Warning[]): void {
    for (const warning of warnings) this.tell({ line, ...warning, severity: 'warning' });
  }
}

export interface ImporterDependencies extends PreparationDependencies, BatchDependencies {
  clock: Clock;
}

/** Options of a run. */
export interface Run {
  options: ImportOptions;
  rows: AsyncIterable<Row>;
  /** The greatest number in it: people who register meanwhile get greater ones. */
  greatestNumber: number;
  actor: Actor;
  /** Called after each batch. */
  onProgress?: (report: ImportReport) => void;
}

/** Imports rows, batch by batch. Committed batches stay when it ends early; the next run skips them. */
export async function runImport(
  dependencies: ImporterDependencies,
  { options, rows, greatestNumber, actor, onProgress }: Run,
): Promise<Report> {
  const { clock, imports, inTransaction } = dependencies;
  const report = new Report();
  const prepare = createPreparation(dependencies, options);
  const write = createBatches(dependencies, options, { run: newUuid(), actor });
  if (!options.isDryRun && greatestNumber > 0)
    await inTransaction((tx) => imports.numberFrom(greatestNumber, tx));

  let batch: Candidate[] = [];
  let warnings = new Map<Candidate, Warning[]>();
  const fail = (line: number, { code, message }: Refused): void => {
    report.add('failed');
    report.tell({ line, code, message, severity: 'error' });
  };
  const writeBatch = async (candidates: readonly Candidate[], found: ReadonlyMap<Candidate, Warning[]>) => {
    const results = await write(candidates);
    for (const candidate of candidates) {
      const result = results.get(candidate);
      if (!result) throw new Error('a record got lost');
      if (result.outcome === 'failed') {
        fail(candidate.line, result.refused);
        continue;
      }
      report.add(result.outcome);
      if (result.outcome !== 'skipped') report.warn(candidate.line, found.get(candidate) ?? []);
      report.warn(candidate.line, result.warnings);
    }
    onProgress?.(report);
  };
  // While the database writes a batch the next one is read.
  let writing = Promise.resolve();
  const flush = async (): Promise<void> => {
    await writing;
    writing = writeBatch(batch, warnings);
    // The awaiting caller handles the rejection.
    writing.catch(() => undefined);
    batch = [];
    warnings = new Map();
  };

  for await (const { line, record, problem, warnings: read = [] } of rows) {
    if (problem) {
      report.add(problem.severity === 'error' ? 'failed' : 'skipped');
      report.tell({ line, ...problem });
    }
    if (!record) continue;
    try {
      const { candidate, warnings: found } = await prepare(record, line, clock.now());
      batch.push(candidate);
      warnings.set(candidate, [...read, ...found]);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      fail(line, error);
    }
    if (batch.length >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  await writing;
  report.problems.sort((one, other) => one.line - other.line);
  return report;
}
