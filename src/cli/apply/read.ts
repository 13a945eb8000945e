import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { KIND_NAMES, type KindName, type Wanted } from '../../domain/apply/index.ts';
import { UsageError } from '../failure.ts';
import { configurationFile, namesAt } from './schema.ts';

/** The field that identifies a resource of a kind, and the field that refers to a secret. */
const IDENTITY: Readonly<Record<KindName, { id: string | null; secret?: string }>> = {
  apis: { id: 'identifier' },
  roles: { id: 'name' },
  groups: { id: 'name' },
  clients: { id: 'client_id', secret: 'client_secret' },
  upstreams: { id: 'id', secret: 'client_secret' },
  webhooks: { id: 'url', secret: 'secret' },
  attributes: { id: null },
  branding: { id: null },
};

/** The edit distance between two words (Levenshtein). */
function distance(from: string, to: string): number {
  let row = [...Array(to.length + 1).keys()];
  for (const [i, letter] of from.split('').entries())
    row = row.reduce<number[]>(
      (next, above, j) => [
        ...next,
        j === 0 ? i + 1 : Math.min(above + 1, next[j - 1]! + 1, row[j - 1]! + (to[j - 1] === letter ? 0 : 1)),
      ],
      [],
    );
  return row.at(-1) ?? 0;
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((one) => ({ one, steps: distance(name.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps);
  return best && best.steps <= Math.max(2, name.length / 3) ? best.one : undefined;
}

type Reference = string | { env: string } | { file: string };

/** Resolves a reference to its secret. @throws UsageError. */
function secretOf(reference: Reference, folder: string, whose: string): string {
  const [, scheme, rest = ''] =
    typeof reference === 'string' ? (/^(env|file):(.+)$/.exec(reference) ?? []) : [];
  const env =
    typeof reference === 'string'
      ? scheme === 'env'
        ? rest
        : null
      : 'env' in reference
        ? reference.env
        : null;
  if (env !== null) {
    const secret = process.env[env];
    if (secret === undefined || secret === '')
      throw new UsageError(`${whose}: the environment variable ${env} is not set or empty`);
    return secret;
  }
  const file = typeof reference === 'string' ? rest : 'file' in reference ? reference.file : '';
  try {
    const secret = readFileSync(path.resolve(folder, file), 'utf8').trim();
    if (secret !== '') return secret;
  } catch (error) {
    throw new UsageError(
      `${whose}: cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
    );
  }
  throw new UsageError(`${whose}: ${file} is empty`);
}

interface Read {
  owner: string | undefined;
  wanted: Wanted[];
}

/** Reads and checks one file. @param name - is standard input. @throws UsageError that names every mistake with its line. */
function readOne(name: string): Read {
  let text: string;
  try {
    text = readFileSync(name === '-' ? 0 : name, 'utf8');
  } catch (error) {
    throw new UsageError(`Cannot read ${name}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`);
  }
  const shown = name === '-' ? 'standard input' : name;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (at: number) => lines.linePos(at).line;
  if (document.errors.length > 0)
    throw new UsageError(
      document.errors.map(({ pos, message }) => `${shown}:${lineOf(pos[0])}: ${message}`).join('\n'),
    );
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw new UsageError(`${shown}: ${(error as Error).message}`);
  }
  const parsed = configurationFile.safeParse(content);
  if (!parsed.success) {
    const at = (where: readonly PropertyKey[]): string => {
      // The innermost node that exists: a missing one has no line to report.
      for (let depth = where.length; depth > 0; depth -= 1) {
        const node = document.getIn(where.slice(0, depth), true);
        if (isNode(node) && node.range) return `${shown}:${lineOf(node.range[0])}`;
      }
      return `${shown}:1`;
    };
    const say = (issue: z.core.$ZodIssue): string[] => {
      if (issue.code !== 'unrecognized_keys')
        return [`${at(issue.path)}: ${issue.path.join('.')}: ${issue.message}`];
      return issue.keys.map((key) => {
        const meant = nearest(key, namesAt(issue.path));
        const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
        return `${at([...issue.path, key])}: there is no ${[...issue.path, key].join('.')}${hint}`;
      });
    };
    throw new UsageError(parsed.error.issues.flatMap(say).join('\n'));
  }
  const { owner, $schema: _schema, ...resources } = parsed.data;
  const folder = name === '-' ? process.cwd() : path.dirname(path.resolve(name));
  const wanted = KIND_NAMES.flatMap((kind): Wanted[] => {
    const { id, secret } = IDENTITY[kind];
    const listed = resources[kind];
    if (listed === undefined) return [];
    if (kind === 'attributes') return [{ kind, id: 'accounts', fields: { schema: listed } }];
    if (id === null) return [{ kind, id: kind, fields: listed as Record<string, unknown> }];
    return (listed as Record<string, unknown>[]).map((item) => {
      const { [id]: identifier, [secret ?? '']: reference, ...fields } = item;
      const named = String(identifier);
      const defined = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
      return {
        kind,
        id: named,
        fields: defined,
        ...(reference === undefined
          ? {}
          : { secret: secretOf(reference as Reference, folder, `${kind} ${named}`) }),
      };
    });
  });
  return { owner, wanted };
}

/** Reads all files and merges them. @throws UsageError. */
export function readFiles(names: readonly string[]): { owner: string; wanted: Wanted[] } {
  const read = names.map(readOne);
  const owners = new Set(read.flatMap(({ owner }) => (owner === undefined ? [] : [owner])));
  if (owners.size > 1) throw new UsageError(`The files have different owners: ${[...owners].join(', ')}`);
  const wanted = read.flatMap((one) => one.wanted);
  const seen = new Set<string>();
  for (const { kind, id } of wanted) {
    if (seen.has(`${kind} ${id}`)) throw new UsageError(`${kind} ${id} is defined twice`);
    seen.add(`${kind} ${id}`);
  }
  return { owner: [...owners][0] ?? 'postern', wanted };
}

/** The reverse mapping, for `config export`. */
export const identityOf = (kind: KindName) => IDENTITY[kind];
