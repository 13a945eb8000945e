import type { Command } from 'commander';
import { KIND_NAMES } from '../../domain/apply/index.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { operator } from '../operator.ts';
import { type Report, reporting } from '../report.ts';

/** Derives the name of the environment variable for a secret. */
const variableOf = (...parts: string[]): string =>
  ['POSTERN', ...parts]
    .join('_')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_');

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

async function exportAll(): Promise<Report> {
  const [{ withCore }, { identityOf }, { stringify }] = await Promise.all([
    import('../session.ts'),
    import('../apply/read.ts'),
    import('yaml'),
  ]);
  const all = await withCore(({ applying }) => applying.read(shellOperator(operator())));
  const file: Record<string, unknown> = {};
  for (const kind of KIND_NAMES) {
    const { id: idField, secret } = identityOf(kind);
    const found = all.filter((one) => one.kind === kind).sort((a, b) => (a.id < b.id ? -1 : 1));
    if (found.length === 0) continue;
    file[kind] =
      idField === null
        ? (found[0]?.fields['schema'] ?? found[0]?.fields)
        : found.map(({ id, fields, hasSecret }) => ({
            [idField]: id,
            ...Object.fromEntries(Object.entries(fields).sort(byName)),
            ...(secret !== undefined && hasSecret
              ? { [secret]: { env: variableOf(kind, id, 'secret') } }
              : {}),
          }));
  }
  const head = '# yaml-language-server: $schema=postern.schema.json\n';
  return { json: file, text: head + stringify(file).trimEnd() };
}

async function schema(): Promise<Report> {
  const { jsonSchema } = await import('../apply/schema.ts');
  const json = jsonSchema() as Record<string, unknown>;
  return { json, text: JSON.stringify(json, null, 2) };
}

export function addConfig(program: Command): void {
  const config = program
    .command('config')
    .description('configuration files for postern apply: export the current state, print their schema');
  reporting(
    config.command('export').description('export the current state as a file; secrets become references'),
    exportAll,
  );
  reporting(config.command('schema').description('print the JSON Schema of the file, for editors'), schema);
}
