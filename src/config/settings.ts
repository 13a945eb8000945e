import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { SettingsFile } from './provenance.ts';
import { settingsSchema, type Settings } from './schema.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../config');

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Merges `over` into `base` key by key. Lists are replaced. */
function merge(base: Tree, over: Tree): Tree {
  const merged: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const under = merged[key];
    merged[key] = isTree(under) && isTree(value) ? merge(under, value) : value;
  }
  return merged;
}

/**
 * Reads config/default.yaml, then config/<NODE_ENV>.yaml, config/local.yaml and `extraFile`; later files win.
 * @returns the validated settings and every problem found, each naming its key.
 */
export function readSettings(
  nodeEnv: string,
  extraFile: string | undefined,
): { settings: Settings | null; problems: string[]; files: SettingsFile[] } {
  const problems: string[] = [];
  const files: SettingsFile[] = [];
  let tree: Tree = {};
  const optional = [`${nodeEnv}.yaml`, ...(nodeEnv === 'test' ? [] : ['local.yaml'])]
    .map((name) => path.join(FOLDER, name))
    .filter((file) => existsSync(file));
  for (const file of [path.join(FOLDER, 'default.yaml'), ...optional, ...(extraFile ? [extraFile] : [])]) {
    try {
      const content: unknown = parse(readFileSync(file, 'utf8')) ?? {};
      if (isTree(content)) {
        tree = merge(tree, content);
        files.push({ file, content });
      } else problems.push(`${file}: must contain keys and values`);
    } catch (error) {
      problems.push(`${file}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  // Compiling the schema would take longer than checking once.
  const parsed = settingsSchema.safeParse(tree, { jitless: true });
  if (parsed.success) return { settings: parsed.data, problems, files };
  for (const issue of parsed.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.push(`${[...issue.path, key].join('.')}: no such setting`);
    } else problems.push(`${issue.path.join('.')}: ${issue.message}`);
  }
  return { settings: null, problems, files };
}
