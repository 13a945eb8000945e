import { z } from 'zod';
import type { Documented, Endpoint, PasswordLengths } from './endpoint.ts';
import { exampleOf } from './examples.ts';
import { isParameter } from './routing.ts';
import { isNewPassword } from './text.ts';

type Json = Record<string, unknown>;

const REASONS: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  423: 'Locked',
  424: 'Failed Dependency',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Refusals of any operation, and of any that reads a body. */
const COMMON_REFUSALS = [500, 503];
const BODY_REFUSALS = [400, 413, 415];

/** Converts schemas, including the operator's password rules. */
const writer =
  ({ minLength, maxLength }: PasswordLengths) =>
  (schema: z.ZodType, io: 'input' | 'output'): Json => {
    const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
      target: 'draft-2020-12',
      io,
      override({ zodSchema, jsonSchema }) {
        if (isNewPassword(zodSchema)) Object.assign(jsonSchema, { minLength, maxLength });
      },
    });
    return rest;
  };
type Write = ReturnType<typeof writer>;

const content = (type: string, schema: Json) => ({ [type]: { schema } });

/** A body, with an example of the whole if the examples of its parts make a valid one. */
function bodyContent(schema: z.ZodType, io: 'input' | 'output', write: Write): Json {
  const written = write(schema, io);
  const example = exampleOf(written);
  const isOne = example !== undefined && schema.safeParse(example).success;
  return { 'application/json': { schema: written, ...(isOne ? { example } : {}) } };
}

/** The parameters of an endpoint: in the path, where each is required, in the query, and in header fields. */
function parametersOf({ path, params = {}, query, headers = {} }: Endpoint, write: Write): Json[] {
  const described = (where: 'path' | 'query' | 'header') => (entry: [string, z.ZodType]) => {
    const [name, schema] = entry;
    const required = where === 'path' || !schema.safeParse(undefined).success;
    return { name, in: where, required, schema: write(schema, 'input') };
  };
  return [
    ...path
      .split('/')
      .filter(isParameter)
      .map((segment) => segment.slice(1, -1))
      .map((name): [string, z.ZodType] => [name, params[name] ?? z.string()])
      .map(described('path')),
    ...Object.entries((query?.shape ?? {}) as Record<string, z.ZodType>).map(described('query')),
    ...Object.entries(headers).map(described('header')),
  ];
}

function describe<E extends Endpoint>(endpoint: E, document: Documented<E>, write: Write): Json {
  const { id, summary, limit, body, query, replies, streams, refusals } = endpoint;
  const good: [string, Json][] = Object.entries(replies).map(([status, schema]) => [
    status,
    {
      description: REASONS[Number(status)] ?? 'OK',
      ...(schema ? { content: bodyContent(schema, 'output', write) } : {}),
    },
  ]);
  if (streams) {
    const types = streams.map((type) => content(type, { type: 'string' }));
    good.push(['200', { description: 'OK', content: Object.assign({}, ...types) as Json }]);
  }
  const statuses = [
    ...refusals,
    ...(body ? BODY_REFUSALS : []),
    ...(query ? [400] : []),
    ...(limit === 'unlimited' ? [] : [429]),
    ...COMMON_REFUSALS,
  ];
  const refusal = content(document.refusal.type, { $ref: '#/components/schemas/Error' });
  const bad = [...new Set(statuses)].map((status) => [
    String(status),
    { description: REASONS[status] ?? 'Refused', content: refusal },
  ]);
  const requestBody = body && {
    required: !body.safeParse(undefined).success,
    content: bodyContent(body, 'input', write),
  };
  return {
    operationId: id,
    summary,
    security: document.securityOf(endpoint),
    parameters: parametersOf(endpoint, write),
    ...(requestBody ? { requestBody } : {}),
    responses: Object.fromEntries([...bad, ...good]),
  };
}

/** Headers of a message by the Standard Webhooks specification. */
const MESSAGE_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({
  name,
  in: 'header',
  required: true,
  schema: { type: 'string' },
}));

const webhooksOf = (messages: NonNullable<Documented['messages']>, write: Write): Json =>
  Object.fromEntries(
    messages.map(({ name, summary, schema }) => [
      name,
      {
        post: {
          summary,
          parameters: MESSAGE_HEADERS,
          requestBody: { required: true, content: content('application/json', write(schema, 'output')) },
          responses: {
            '2XX': {
              description: 'Accepted; after any other response the delivery is retried for three days',
            },
          },
        },
      },
    ]),
  );

/**
 * The OpenAPI 3.1 document of an API, from the schemas that check its requests and replies.
 * @param server its URL; a relative one refers to the document's own host.
 */
export function openapiOf<E extends Endpoint>(document: Documented<E>, server: string): Json {
  const write = writer(document.passwords);
  const paths: Record<string, Json> = {};
  for (const endpoint of document.endpoints) {
    const path = `${document.basePath}${endpoint.path}`;
    paths[path] = { ...paths[path], [endpoint.method]: describe(endpoint, document, write) };
  }
  return {
    openapi: '3.1.0',
    info: { title: document.title, version: document.version, description: document.description },
    servers: [{ url: server }],
    paths,
    ...(document.messages && { webhooks: webhooksOf(document.messages, write) }),
    components: {
      schemas: { Error: write(document.refusal.schema, 'output') },
      securitySchemes: document.schemes,
    },
  };
}
