import { z } from 'zod';
import type { Auth, Door, Operation } from './door.ts';

type Json = Record<string, unknown>;

const SECURITY: Record<Auth, Json[]> = {
  none: [],
  bearer: [{ bearer: [] }],
  apiKey: [{ apiKey: [] }],
  bearerOrApiKey: [{ bearer: [] }, { apiKey: [] }],
};

const SCHEMES: Record<string, Json> = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
};

const REASONS: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  423: 'Locked',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Refusals that any operation can answer with, and those of any that reads a body. */
const COMMON_REFUSALS = [500, 503];
const BODY_REFUSALS = [400, 413, 415];

const jsonSchema = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io });
  return rest;
};

function describe(
  { id, summary, auth, limit, params = {}, body, replies, refusals }: Operation,
  refusal: Json,
): Json {
  const content = (schema: Json) => ({ 'application/json': { schema } });
  const good = Object.entries(replies).map(([status, schema]) => [
    status,
    {
      description: REASONS[Number(status)] ?? 'OK',
      ...(schema ? { content: content(jsonSchema(schema, 'output')) } : {}),
    },
  ]);
  const statuses = [
    ...refusals,
    ...(body ? BODY_REFUSALS : []),
    ...(limit === 'unlimited' ? [] : [429]),
    ...COMMON_REFUSALS,
  ];
  const bad = [...new Set(statuses)].map((status) => [
    String(status),
    { description: REASONS[status] ?? 'Refused', content: content(refusal) },
  ]);
  return {
    operationId: id,
    summary,
    security: SECURITY[auth],
    parameters: Object.entries(params).map(([name, schema]) => ({
      name,
      in: 'path',
      required: true,
      schema: jsonSchema(schema, 'input'),
    })),
    ...(body ? { requestBody: { required: true, content: content(jsonSchema(body, 'input')) } } : {}),
    responses: Object.fromEntries([...bad, ...good]),
  };
}

/**
 * The OpenAPI 3.1 document of a door, from the schemas that check its requests and replies.
 * @param server its URL; a relative one is under the document's own host.
 */
export function openapiOf(door: Door, server: string): Json {
  const paths: Record<string, Json> = {};
  for (const operation of door.operations) {
    const path = `${door.basePath}${operation.path}`;
    paths[path] = {
      ...paths[path],
      [operation.method]: describe(operation, { $ref: '#/components/schemas/Error' }),
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: door.title, version: door.version, description: door.description },
    servers: [{ url: server }],
    paths,
    components: {
      schemas: { Error: jsonSchema(door.refusalSchema, 'output') },
      securitySchemes: Object.fromEntries(
        Object.entries(SCHEMES).filter(([name]) =>
          door.operations.some(({ auth }) => SECURITY[auth].some((one) => name in one)),
        ),
      ),
    },
  };
}
