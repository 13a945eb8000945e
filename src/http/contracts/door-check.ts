import { z } from 'zod';
import { catalogue, DomainError, type ErrorCode } from '../../core/errors.ts';
import { openapiOf } from '../endpoints/openapi.ts';
import { statusOf, wordsOf } from '../endpoints/statuses.ts';
import { isParameter } from '../endpoints/routing.ts';
import { type Contract, DOOR_VERSION, type Operation } from './contract.ts';
import { documentOf } from './document.ts';
import { overlap } from './paths.ts';

const PATH = /^(?:\/(?:[\w.~-]+|\{\w+\}))+$/;
const path = z.string().regex(PATH, 'must be a path like /users/{id}');
const status = z.int().min(200).max(599);
const schema = z.custom(
  (value) => value instanceof z.ZodType,
  'must be a schema made with z of postern/door',
);
const call = z.custom((value) => typeof value === 'function', 'must be a function');

const operationShape = z.object({
  id: z.string().regex(/^\w+$/, 'must be a word'),
  method: z.enum(['get', 'post', 'put', 'patch', 'delete']),
  path,
  summary: z.string(),
  auth: z.enum(['none', 'bearer', 'apiKey', 'bearerOrApiKey']),
  permission: z.string().optional(),
  effect: z.enum(['none', 'login', 'change']).optional(),
  limit: z.enum(['credentials', 'ordinary', 'program', 'unlimited']),
  body: schema.optional(),
  replies: z.record(z.string(), schema.nullable()),
  refusals: z.array(status.min(400)),
  handle: call,
});

const shape = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be a short name in lower case'),
  title: z.string().min(1),
  version: z.string().min(1),
  description: z.string(),
  basePath: path.or(z.literal('')),
  pages: z.record(path, z.enum(['swagger', 'redoc'])),
  openapiPath: path,
  rotatesRefreshTokens: z.boolean(),
  tokens: z.object({ access: z.int().positive().max(86_400), refresh: z.int().positive() }),
  operations: z.array(operationShape).min(1),
  statuses: z.partialRecord(z.enum(Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]), status.min(400)),
  messages: z.partialRecord(z.enum(Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]), z.string()),
  refusalSchema: schema,
  refuse: call,
  givesAway: call,
  cases: call,
});

/**
 * Finds the problems of a door, each as a sentence; none when it can be used. The types show some of them to authors who use
 * TypeScript. Only this check finds the others: replies that reveal too much, refusals that do not match the door's own schema,
 * collisions.
 */
export function problemsOf(door: Contract): string[] {
  if ((door.doorVersion as unknown) !== DOOR_VERSION)
    return [
      `is written for version ${String(door.doorVersion)} of postern/door; this Postern has ${DOOR_VERSION}`,
    ];
  const { success, error } = shape.safeParse(door);
  if (!success) return error.issues.map(({ path: where, message }) => `${wherein(door, where)}: ${message}`);
  const undecided = door.operations.flatMap((one) =>
    one.undecided === undefined ? [] : [`${nameOf(one)} is not decided: ${one.undecided}`],
  );
  if (undecided.length > 0) return undecided;
  return [
    ...collisionsIn(door),
    ...door.operations.flatMap((one) => [...looseReplies(one), ...missingRefusals(door, one)]),
    ...wrongRefusals(door),
    ...undocumented(door),
  ];
}

const nameOf = ({ id, method, path: where }: Operation) => `${id} (${method.toUpperCase()} ${where})`;

function wherein(door: Contract, where: PropertyKey[]): string {
  const [first, index, ...rest] = where;
  const operations: unknown = door.operations;
  const named = first === 'operations' && Array.isArray(operations) && typeof index === 'number';
  const id = named ? (operations[index] as { id?: unknown } | null)?.id : undefined;
  return typeof id === 'string'
    ? [`operation ${id}`, ...rest].map(String).join('.')
    : where.map(String).join('.');
}

/** Operations that the same request matches, or a page at the path of an operation. */
function collisionsIn({ operations, basePath, pages, openapiPath }: Contract): string[] {
  const claims = [
    ...operations.map((one) => ({ what: one.id, method: one.method, at: `${basePath}${one.path}` })),
    ...[...Object.keys(pages), openapiPath].map((at) => ({ what: `the page ${at}`, method: 'get', at })),
  ];
  const ids = operations.map(({ id }) => id);
  return [
    ...ids.filter((id, index) => ids.indexOf(id) < index).map((id) => `two operations have the id ${id}`),
    ...claims.flatMap((one, index) =>
      claims
        .slice(0, index)
        .filter((other) => other.method === one.method && sameRequests(other.at, one.at))
        .map((other) => `${one.method.toUpperCase()} ${one.at} is claimed by ${other.what} and ${one.what}`),
    ),
  ];
}

/** Whether two paths match the same requests. A literal segment takes precedence over a parameter, as in `Routing`. */
const sameRequests = (one: string, other: string): boolean => {
  const kinds = (text: string) => text.split('/').map((segment) => isParameter(segment));
  return overlap(one, other) && kinds(one).join() === kinds(other).join();
};

/** A reply schema that is not strict would let out everything that a presenter returns. */
function looseReplies(one: Operation): string[] {
  return Object.entries(one.replies).flatMap(([code, reply]) =>
    (reply === null ? [] : looseParts(reply)).map(
      (part) =>
        `${nameOf(one)}: the reply ${code} ${part} must be a z.strictObject, so that nothing else is returned`,
    ),
  );
}

function looseParts(part: z.core.$ZodType, at = ''): string[] {
  if (part instanceof z.ZodObject) {
    const isStrict = part.def.catchall instanceof z.ZodNever;
    const inner = Object.entries(part.shape);
    return [
      ...(isStrict ? [] : [at || 'itself']),
      ...inner.flatMap(([name, value]) => looseParts(value, `${at}.${name}`)),
    ];
  }
  if (part instanceof z.ZodOptional || part instanceof z.ZodNullable) return looseParts(part.unwrap(), at);
  if (part instanceof z.ZodArray) return looseParts(part.element, `${at}[]`);
  if (part instanceof z.ZodUnion)
    return part.options.flatMap((option) => looseParts(option as z.ZodType, at));
  return [];
}

/** The document must have the refusals of the guard. */
function missingRefusals({ statuses }: Contract, one: Operation): string[] {
  const needed: ErrorCode[] = [
    ...(one.auth === 'none' ? [] : (['invalid_token'] as const)),
    ...(one.auth === 'apiKey' || one.auth === 'bearerOrApiKey' ? (['forbidden'] as const) : []),
    ...(one.body ? (['invalid_request'] as const) : []),
  ];
  return needed
    .map((code) => ({ code, answered: statusOf(code, statuses) }))
    .filter(({ answered }) => !one.refusals.includes(answered) && !(String(answered) in one.replies))
    .map(
      ({ code, answered }) => `${nameOf(one)}: the refusal ${answered} is missing, which ${WHY[code] ?? ''}`,
    );
}

const WHY: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'an invalid body gets',
  invalid_token: 'a request without valid credentials gets',
  forbidden: 'an API key without the permission gets',
};

/** Checks every possible error, in the door's words, against the door's own schema. */
function wrongRefusals(door: Contract): string[] {
  const codes = Object.keys(catalogue) as ErrorCode[];
  for (const code of codes)
    for (const details of [{}, { field: 'email', reason: 'invalid' }]) {
      const { status: answered, message } = wordsOf(door, new DomainError(code, details));
      try {
        const body = door.refuse({
          status: answered,
          code,
          message,
          details,
          requestId: 'check',
          at: new Date(0),
        });
        door.refusalSchema.parse(body);
      } catch (error) {
        const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
        return [`refuse: its body for ${code} does not match refusalSchema: ${why.replaceAll('\n', ' ')}`];
      }
    }
  return [];
}

/** A schema that cannot be expressed in OpenAPI. */
function undocumented(door: Contract): string[] {
  try {
    openapiOf(documentOf(door, { minLength: 8, maxLength: 128 }), '/');
    return [];
  } catch (error) {
    return [`its OpenAPI document cannot be generated: ${(error as Error).message}`];
  }
}
