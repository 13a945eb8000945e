import { readFileSync } from 'node:fs';
import { environmentSchema, type Environment } from './schema.ts';

const NAMES = Object.keys(environmentSchema.shape);

/**
 * Reads the environment, `NAME_FILE` beside `NAME` (the file's content, without its last line break).
 * @returns the valid values, and every problem found, each naming its variable.
 */
export function readEnvironment(source: NodeJS.ProcessEnv): {
  environment: Environment;
  problems: string[];
} {
  const problems: string[] = [];
  const raw: Record<string, string> = {};
  for (const name of NAMES) {
    const value = source[name];
    const file = source[`${name}_FILE`];
    // CONFIG_FILE is a variable itself, not the file of a variable CONFIG.
    if (value !== undefined && value !== '') raw[name] = value;
    if (file === undefined || file === '') continue;
    if (raw[name] !== undefined) {
      problems.push(`${name}: both ${name} and ${name}_FILE are set; remove one`);
      continue;
    }
    try {
      raw[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      problems.push(
        `${name}_FILE: cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
      );
    }
  }
  // Validate one by one, so that one mistake does not hide others.
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(environmentSchema.shape)) {
    const parsed = schema.safeParse(raw[name]);
    if (!parsed.success) problems.push(...parsed.error.issues.map(({ message }) => `${name}: ${message}`));
    values[name] = parsed.success ? parsed.data : schema.safeParse(undefined).data;
  }
  return { environment: values as Environment, problems };
}
