import type { Actor } from '../../core/actor.ts';
import type { Staging } from '../../storage/import-staging.ts';
import { type ImporterDependencies, type ImportReport, type Row, runImport } from './importer.ts';
import type { ImportOptions } from './preparation.ts';
import type { Problem } from './problems.ts';
import {
  detect,
  djangoModel,
  greatestNumber,
  greatestNumberOf,
  READERS,
  readQuery,
  type SourceFormat,
} from './readers/index.ts';
import type { Input } from './readers/input.ts';
import type { Mapping } from './readers/mapping.ts';
import { ImportUsage } from './readers/values.ts';

export type { ImportReport } from './importer.ts';
export { type Input, openFile, openStream } from './readers/input.ts';
export { readMapping } from './readers/mapping.ts';
export { isFormat, READERS } from './readers/index.ts';
export { ImportUsage } from './readers/values.ts';

/** A request to import. */
export interface ImportRequest {
  /** A file, or a query in another database. */
  from:
    | { input: Input; format: SourceFormat | null; companions: Input[] }
    | { databaseUrl: string; query: string };
  mapping: Mapping;
  /** Django's `app.model`. */
  model: string | undefined;
  /** The name of the service; by default the kind of export. */
  source: string | undefined;
  options: Omit<ImportOptions, 'source'>;
}

export interface AccountImports {
  /**
   * Imports the accounts of another service. Committed batches stay when it ends early; another run skips them.
   * @throws ImportUsage for unreadable input or wrong options; DomainError unavailable.
   */
  run(
    request: ImportRequest,
    actor: Actor,
    onProgress?: (report: ImportReport) => void,
  ): Promise<ImportReport>;
}

type Dependencies = Omit<ImporterDependencies, 'staging' | 'issuerOf'> & {
  openStaging: () => Promise<Staging>;
  /** Finds an upstream's issuer by id; undefined when unknown. */
  loadIssuers: () => Promise<(upstream: string) => string | undefined>;
};

export const createAccountImports = ({
  openStaging,
  loadIssuers,
  ...dependencies
}: Dependencies): AccountImports => ({
  async run({ from, mapping, model, source, options }, actor, onProgress) {
    const issuerOf = await loadIssuers();
    const staging = await openStaging();
    const asides: Problem[] = [];
    const hashParams = { ...options.hashParams };
    const whole = (name: string): ImportOptions => ({ ...options, hashParams, source: source ?? name });
    const run = (name: string, rows: AsyncIterable<Row>, greatest: number) =>
      runImport(
        { ...dependencies, issuerOf, staging },
        { options: whole(name), rows, greatestNumber: greatest, actor, ...(onProgress && { onProgress }) },
      );
    try {
      if ('databaseUrl' in from) {
        const rows = () => readQuery(from.databaseUrl, from.query, mapping);
        return await run('postgres', rows(), options.isDryRun ? 0 : await greatestNumberOf(rows()));
      }
      const { input, companions } = from;
      const format = from.format ?? detect(input, mapping.size > 0);
      if (mapping.size > 0 && format !== 'csv')
        throw new ImportUsage(`a mapping is for CSV and queries, not for ${format}`);
      const userModel = format === 'django' ? djangoModel(input, model) : '';
      const greatest = options.isDryRun ? 0 : await greatestNumber(format, input, mapping, userModel);
      const tell = (problem: Problem) => void asides.push(problem);
      const rows = READERS[format]({
        input,
        companions,
        staging,
        mapping,
        model: userModel,
        hashParams,
        tell,
      });
      const report = await run(format, rows, greatest);
      for (const problem of asides) report.tell(problem);
      return report;
    } finally {
      await staging.close();
    }
  },
});
