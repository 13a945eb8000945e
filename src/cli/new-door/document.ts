import { readFile, stat } from 'node:fs/promises';
import { parse } from 'yaml';
import { UsageError } from '../failure.ts';
import { fromSwagger } from './swagger.ts';

/** Limits of a document: about a hundred times what an auth service's document has. */
const LIMITS = { bytes: 4_194_304, operations: 300, nodes: 100_000, depth: 40 };

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** A schema of JSON, without references. */
export interface Schema {
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  example?: unknown;
  default?: unknown;
  nullable?: boolean;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
}

/** An operation of the old service. */
export interface OldOperation {
  id: string;
  method: (typeof METHODS)[number];
  path: string;
  summary: string;
  /** The words of its path, id and summary, in lower case. */
  words: string;
  /** `unsaid`: the document mentions no security for any operation. */
  auth: 'none' | 'bearer' | 'apiKey' | 'unsaid';
  /** Null when it has no body. */
  body: Schema | null;
  /** Why a contract cannot read its body; null when it can. */
  unreadable: string | null;
  reply: { status: number; schema: Schema | null };
  /** Documented error statuses. */
  refusals: number[];
}

export interface OldDocument {
  title: string;
  version: string;
  description: string;
  basePath: string;
  operations: OldOperation[];
  /** The most common error schema; null without any. */
  refusal: Schema | null;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const objectOf = (value: unknown): Json => (isObject(value) ? value : {});
const textOf = (value: unknown, otherwise: string): string =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : otherwise;

/** Reads a file as JSON or YAML. @throws UsageError with the reason. */
async function parseFile(file: string): Promise<Json> {
  const refuse = (what: string) => new UsageError(`--openapi: ${file} ${what}`);
  const { size } = await stat(file).catch((error: Error) => {
    throw refuse(`cannot be read: ${error.message}`);
  });
  if (size > LIMITS.bytes)
    throw refuse(`is larger than ${LIMITS.bytes >> 20} MiB, too large for an auth service`);
  let parsed: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    parsed = /^\s*\{/.test(text) ? JSON.parse(text) : parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw refuse(`cannot be parsed: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  if (!isObject(parsed)) throw refuse('is not an OpenAPI document');
  if (String(parsed['swagger']) === '2.0' || parsed['swagger'] === 2) return fromSwagger(parsed);
  if (parsed['swagger'] !== undefined) throw refuse('has a Swagger version other than 2.0');
  if (!/^3\.\d/.test(String(parsed['openapi']))) throw refuse('is not OpenAPI 3 ("openapi: 3.…" is missing)');
  return parsed;
}

/** Resolves references, to a bounded depth. */
class Resolver {
  readonly #root: Json;
  #nodes = 0;

  constructor(root: Json) {
    this.#root = root;
  }

  /** @throws UsageError for a reference that points outside, to nothing, or to itself, and for too much. */
  resolve(node: unknown, within: string[] = [], depth = 0): unknown {
    this.#nodes += 1;
    if (this.#nodes > LIMITS.nodes || depth > LIMITS.depth)
      throw new UsageError('--openapi: the document is nested too deep, or too large');
    if (Array.isArray(node)) return node.map((item) => this.resolve(item, within, depth + 1));
    if (!isObject(node)) return node;
    const reference = node['$ref'];
    if (typeof reference === 'string') {
      if (within.includes(reference))
        throw new UsageError(`--openapi: ${reference} is circular. Replies of a door are finite.`);
      return this.resolve(this.#find(reference), [...within, reference], depth + 1);
    }
    return Object.fromEntries(
      Object.entries(node).map(([name, value]) => [name, this.resolve(value, within, depth + 1)]),
    );
  }

  #find(reference: string): unknown {
    if (!reference.startsWith('#/'))
      throw new UsageError(
        `--openapi: ${reference} is outside the file and was not fetched. Bundle everything into one file first.`,
      );
    const found = reference
      .slice(2)
      .split('/')
      .map((part) => decode(part).replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>(
        (at, part) => (isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined),
        this.#root,
      );
    if (found === undefined) throw new UsageError(`--openapi: ${reference} does not exist`);
    return found;
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Merges `allOf`, and nullable types of OpenAPI 3.1, into one schema. */
export function merged(schema: Schema): Schema {
  const { allOf = [], oneOf = [], anyOf = [], ...rest } = schema;
  const together = allOf.map(merged).reduce<Schema>(
    (all, part) => ({
      ...all,
      ...part,
      properties: { ...all.properties, ...part.properties },
      required: [...(all.required ?? []), ...(part.required ?? [])],
    }),
    rest,
  );
  const choices = [...oneOf, ...anyOf];
  const isNull = ({ type }: Schema) => type === 'null';
  const real = choices.filter((one) => !isNull(one));
  const nullable = choices.some(isNull) ? { nullable: true } : {};
  const [only] = real;
  return real.length === 1 && only
    ? { ...together, ...merged(only), ...nullable }
    : { ...together, ...nullable };
}

const jsonOf = (content: unknown): Schema | null => {
  const found = Object.entries(objectOf(content)).find(([type]) =>
    /^application\/(.*\+)?json\b|^\*\/\*$/i.test(type),
  );
  const schema = objectOf(found?.[1])['schema'];
  return isObject(schema) ? merged(schema) : null;
};

/** The callers of an operation, by the document's security schemes. */
function authOf(security: unknown, schemes: Json): OldOperation['auth'] | 'basic' {
  if (security === undefined && Object.keys(schemes).length === 0) return 'unsaid';
  const ways = Array.isArray(security) ? security.map((way) => Object.keys(objectOf(way))) : [];
  if (ways.length === 0 || ways.some((names) => names.length === 0)) return 'none';
  const named = ways.flat().map((name) => objectOf(schemes[name]));
  if (named.every(({ type, scheme }) => type === 'http' && String(scheme).toLowerCase() === 'basic'))
    return 'basic';
  const isKey = ({ type, in: place, name }: Json) =>
    type === 'apiKey' && place === 'header' && String(name).toLowerCase() === 'x-api-key';
  return named.every(isKey) ? 'apiKey' : 'bearer';
}

/** Why a contract cannot accept its requests; null when it can. */
function unreadableBy(body: Schema | null, types: string[], auth: string): string | null {
  if (auth === 'basic')
    return 'it uses HTTP Basic, which doors do not support: read ctx.get("Authorization") in handle';
  return body === null && types.length > 0 ? `its body is ${types.join(' or ')}, but doors read JSON` : null;
}

/** The base path of the first server, if usable. */
function basePathOf(servers: unknown): string {
  const url = Array.isArray(servers) ? textOf(objectOf(servers[0])['url'], '') : '';
  const path = (URL.parse(url, 'http://localhost')?.pathname ?? '').replace(/\/$/, '');
  return /^(\/[\w.~-]+)+$/.test(path) ? path : '';
}

/** An operation's id as a name in TypeScript. */
function nameOf(id: string, method: string, path: string): string {
  const text = id === '' ? `${method} ${path}` : id;
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const [first = 'operation', ...rest] = words;
  const name = [
    first[0]!.toLowerCase() + first.slice(1),
    ...rest.map((word) => word[0]!.toUpperCase() + word.slice(1)),
  ].join('');
  return /^\d/.test(name) ? `operation${name}` : name;
}

/** The most frequent error schema; null without any. */
function mostCommon(schemas: Schema[]): Schema | null {
  const counts = [...Map.groupBy(schemas, (schema) => JSON.stringify(schema)).values()];
  return counts.sort((a, b) => b.length - a.length)[0]?.[0] ?? null;
}

/**
 * Reads an OpenAPI document of version 3, or one of Swagger 2.0, in JSON or YAML. Never reads anything outside the
 * file. @throws UsageError for a document that is malformed, too large, circular, empty, or refers outside.
 */
export async function readDocument(file: string): Promise<OldDocument> {
  const root = await parseFile(file);
  const resolver = new Resolver(root);
  const components = objectOf(resolver.resolve(root['components']));
  const schemes = objectOf(components['securitySchemes']);
  const paths = Object.entries(objectOf(resolver.resolve(root['paths']))).map(
    // Some frameworks have their own parameter syntax.
    ([path, item]): [string, unknown] => [path.replaceAll(/:(\w+)(?=\/|$)/g, '{$1}'), item],
  );
  const refusals: Schema[] = [];
  const operations = paths.flatMap(([path, item]) =>
    METHODS.flatMap((method): OldOperation[] => {
      const operation = objectOf(item)[method];
      if (!isObject(operation)) return [];
      const content = objectOf(operation['requestBody'])['content'];
      const body = jsonOf(content);
      const auth = authOf(operation['security'] ?? root['security'], schemes);
      const replies = Object.entries(objectOf(operation['responses']));
      const good = replies.find(([status]) => /^2\d\d$/.test(status));
      const bad = replies.filter(([status]) => /^[45]\d\d$/.test(status));
      refusals.push(...bad.flatMap(([, reply]) => jsonOf(objectOf(reply)['content']) ?? []));
      const summary = textOf(
        operation['summary'],
        textOf(operation['description'], `${method.toUpperCase()} ${path}`),
      );
      const id = textOf(operation['operationId'], '');
      const schema = good ? jsonOf(objectOf(good[1])['content']) : null;
      return [
        {
          id: nameOf(id, method, path),
          method,
          path: path.replace(/\/$/, ''),
          summary: summary.split('\n', 1)[0]!.slice(0, 200),
          words: `${path} ${id} ${summary}`.toLowerCase(),
          auth: auth === 'basic' ? 'none' : auth,
          body,
          unreadable: unreadableBy(body, Object.keys(objectOf(content)), auth),
          reply: { status: Number(good?.[0] ?? 200), schema },
          refusals: bad.map(([status]) => Number(status)),
        },
      ];
    }),
  );
  if (operations.length === 0) throw new UsageError(`--openapi: ${file} has no operations`);
  if (operations.length > LIMITS.operations)
    throw new UsageError(
      `--openapi: ${file} has ${operations.length} operations; keep only those of the auth service`,
    );
  const odd = operations.find(({ path }) => !/^(\/([\w.~-]+|\{\w+\}))+$/.test(path));
  if (odd) throw new UsageError(`--openapi: a door cannot have the path ${odd.path}`);
  const info = objectOf(root['info']);
  return {
    title: textOf(info['title'], 'Old service'),
    version: textOf(info['version'], '1.0.0'),
    description: textOf(info['description'], '').split('\n', 1)[0]!,
    basePath: basePathOf(root['servers']),
    operations: unique(operations),
    refusal: mostCommon(refusals),
  };
}

/** Number duplicate ids. */
function unique(operations: OldOperation[]): OldOperation[] {
  const seen = new Map<string, number>();
  return operations.map((one) => {
    const count = (seen.get(one.id) ?? 0) + 1;
    seen.set(one.id, count);
    return count === 1 ? one : { ...one, id: `${one.id}${count}` };
  });
}
