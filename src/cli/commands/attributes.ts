import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { AttributeDefinition } from '../../domain/attributes/index.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { type Report, reporting } from '../report.ts';

const reported = ({ schema, configured, version }: AttributeDefinition): Report => ({
  json: { schema, configured, version },
  text: JSON.stringify(schema, null, 2),
});

async function show(): Promise<Report> {
  const { withCore } = await import('../session.ts');
  return reported(await withCore(({ attributes }) => attributes.find(shellOperator(operator()))));
}

async function set(file: string): Promise<Report> {
  const [{ withCore }, { parse }, { attributeSchema }] = await Promise.all([
    import('../session.ts'),
    import('yaml'),
    import('../../config/attributes.ts'),
  ]);
  let content: unknown;
  try {
    content = parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    throw new UsageError(`Cannot read ${file}: ${(error as Error).message.split('\n')[0]}`);
  }
  const { data, error } = attributeSchema.safeParse(content);
  if (error)
    throw new UsageError(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
  return reported(await withCore(({ attributes }) => attributes.update(shellOperator(operator()), data)));
}

export function addAttributes(program: Command): void {
  const attributes = program
    .command('attributes')
    .description('show or replace the JSON Schema of what accounts have beyond the profile');
  reporting(attributes.command('show').description('show the schema in force'), show);
  reporting(
    attributes
      .command('set')
      .description('replace the schema; accounts keep their values')
      .argument('<file>', 'JSON Schema, as JSON or YAML; - for standard input'),
    set,
  );
}
