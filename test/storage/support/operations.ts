/** Requests to every operation of `/api/v2`, for the test of plans. */
import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { ContractServer } from '../../contracts/support/server.ts';
import type { OpenApi, OpenApiOperation, Schema } from '../../support/openapi.ts';

/** Values that a query parameter takes. */
function samplesOf({ enum: words = [], examples = [], format, type, anyOf, items }: Schema): string[] {
  const named = [...examples, ...words].map(String);
  if (named.length > 0) return named;
  if (items) return samplesOf(items);
  if (anyOf) return anyOf.flatMap(samplesOf);
  if (format === 'date-time') return ['2026-01-01T00:00:00Z'];
  if (format === 'date') return ['2026-01-01'];
  if (format === 'uuid') return [UNKNOWN_ID];
  return [{ integer: '1', number: '1', boolean: 'true' }[type ?? ''] ?? 'ada'];
}

const UNKNOWN_ID = '7c3c6d5c-0000-4000-8000-000000000000';

type Operation = OpenApiOperation & { method: string; path: string };

/** Who sends a request. */
interface Caller {
  headers: Record<string, string>;
  good(operationId: string): unknown;
}

interface Callers {
  covers(path: string): boolean;
  /** Creates a caller. Each change gets a new one, because it may delete its caller. */
  join(): Promise<Caller>;
}

const CHANGES = ['post', 'put', 'patch', 'delete'];

/** Reading operations, then changes. Containers are deleted last. */
function operationsOf({ paths = {} }: OpenApi, covers: Callers['covers']) {
  const all = Object.entries(paths)
    .filter(([path]) => covers(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): Operation => ({ ...operation, method, path })),
    );
  const changes = CHANGES.flatMap((method) =>
    all.filter((one) => one.method === method).toSorted((a, b) => b.path.length - a.path.length),
  );
  return { reads: all.filter(({ method }) => method === 'get'), changes };
}

/** Queries of an operation: none, and each parameter alone with each sample. */
const queriesOf = ({ parameters = [] }: Operation): string[] => [
  '',
  ...parameters
    .filter((parameter) => parameter.in === 'query')
    .flatMap(({ name, schema }) =>
      samplesOf(schema).map((value) => `?${new URLSearchParams({ [name]: value }).toString()}`),
    ),
];

/**
 * Sends each reading operation of the API with each parameter, then each change.
 * @returns the status of each request.
 */
export async function sendAll(
  { url }: ContractServer,
  { covers, join }: Callers,
): Promise<[number, string][]> {
  const document = (await (await fetch(`${url}/api/v2/openapi.json`)).json()) as OpenApi;
  const { reads, changes } = operationsOf(document, covers);
  const reader = await join();

  /** Replaces each parameter of a path by the first item of the list before it. */
  const filled = async (path: string): Promise<string> => {
    let known = url;
    for (const part of path.split(/(?=\/)/)) {
      const [, name] = /^\/\{(\w+)\}/.exec(part) ?? [];
      if (name === undefined) {
        known += part;
        continue;
      }
      const reply = await fetch(known, { headers: reader.headers });
      const body = (reply.ok ? await reply.json() : {}) as Record<string, unknown>;
      const [first = {}] = (body['items'] ?? []) as Record<string, string>[];
      const value = first[name] ?? first['id'] ?? first['name'] ?? first['kid'] ?? UNKNOWN_ID;
      known += part.replace(`{${name}}`, encodeURIComponent(value));
    }
    return known;
  };
  const answers: [number, string][] = [];
  const ask = async (
    { method, path, operationId }: Operation,
    query: string,
    caller: Caller,
    body?: unknown,
  ) => {
    const reply = await fetch(`${await filled(path)}${query}`, {
      method: method.toUpperCase(),
      headers: {
        ...caller.headers,
        ...(method === 'post' ? { 'idempotency-key': randomUUID() } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // Some answer with lines, or a picture.
    await reply.arrayBuffer();
    answers.push([reply.status, `${operationId}${query}`]);
  };
  for (const operation of reads)
    for (const query of queriesOf(operation)) await ask(operation, query, reader);
  for (const operation of changes) {
    const caller = await join();
    const body = operation.requestBody ? caller.good(operation.operationId) : undefined;
    await ask(operation, '', caller, body);
  }
  return answers;
}

/** No request fails, and most succeed. */
export function expectAnswers(answers: [number, string][]): void {
  expect(answers.filter(([status]) => status >= 500 || status === 401 || status === 429)).toEqual([]);
  // Some parameters name something that does not exist here.
  expect(answers.filter(([status]) => status < 300).length).toBeGreaterThan(answers.length / 2);
}
