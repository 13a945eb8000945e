import { z } from 'zod';
import { SIGNING_ALGS, TOKEN_TYPE_HEADERS } from '../../../core/tokens.ts';
import type { Api, ApiChanges } from '../../../domain/apis.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { text } from '../../endpoints/text.ts';
import { pageOf, resource } from './presenters.ts';
import { listOf, moment, page, version } from './schemas.ts';

const content = {
  name: text('The name shown to people, 1 to 100 characters').max(100),
  scopes: z.array(text('A scope (RFC 6749 section 3.3)').max(128)).max(500),
  access_token_format: z.enum(['jwt', 'opaque']),
  access_token_ttl: z
    .int()
    .min(1)
    .max(86_400)
    .nullable()
    .describe('Seconds; null for the default of the server'),
  signing_alg: z.enum(SIGNING_ALGS).describe('Signing algorithm of JWT access tokens'),
  token_type_header: z.enum(TOKEN_TYPE_HEADERS).describe('The `typ` header of JWT access tokens'),
  enforce_roles: z
    .boolean()
    .describe("Whether a person's tokens are limited to the scopes that their roles allow"),
  dynamic_clients: z
    .boolean()
    .describe('Whether clients that no operator registered may request its scopes, as MCP clients do'),
  default_scopes: z
    .array(text('One of its scopes').max(128))
    .max(500)
    .nullable()
    .describe('Scopes of requests without any; null for all of its scopes'),
};
const identifier = text('An absolute URI, the audience of its tokens').max(512);

export const ApiSchema = z.strictObject({
  identifier: z.string(),
  ...content,
  created_at: moment,
  updated_at: moment,
  version,
});
const Changes = z.strictObject(content).partial();
const NewApi = Changes.extend({ identifier, name: content.name }).meta({
  examples: [{ identifier: 'https://orders.example.com', name: 'Orders', scopes: ['orders:read'] }],
});
const ApiPage = z.strictObject({
  search: text('Any part of the identifier or the name').max(512).optional(),
  dynamic_clients: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .describe('Whether clients that no operator registered may request its scopes'),
  ...page(['identifier', 'name', 'created_at']),
});
const ApiUse = z.strictObject({
  kind: z.enum(['role', 'client']),
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()).describe('The scopes of the API that it refers to'),
});
const apiId = { id: text('The identifier, percent-encoded') };

const apiOf = (api: Api): z.infer<typeof ApiSchema> => ({
  identifier: api.identifier,
  name: api.name,
  scopes: api.scopes,
  access_token_format: api.accessTokenFormat,
  access_token_ttl: api.accessTokenTtl,
  signing_alg: api.signingAlg,
  token_type_header: api.tokenTypeHeader,
  enforce_roles: api.enforceRoles,
  dynamic_clients: api.dynamicClients,
  default_scopes: api.defaultScopes,
  created_at: api.createdAt.toISOString(),
  updated_at: api.updatedAt.toISOString(),
  version: api.version,
});

/** The changes of an API as posted. */
const changesOf = (body: z.infer<typeof Changes>): ApiChanges => {
  const fields = {
    name: body.name,
    scopes: body.scopes,
    accessTokenFormat: body.access_token_format,
    accessTokenTtl: body.access_token_ttl,
    signingAlg: body.signing_alg,
    tokenTypeHeader: body.token_type_header,
    enforceRoles: body.enforce_roles,
    dynamicClients: body.dynamic_clients,
    defaultScopes: body.default_scopes,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
};

const idOf = ({ params }: OperatorCall<unknown, unknown>): string => params['id'] ?? '';

const asItIs = async (call: OperatorCall<unknown, unknown>) =>
  apiOf(await call.services.apis.find(call.operator, idOf(call)));

/** The APIs that access tokens are issued for. */
export const apis = [
  managed({
    id: 'listApis',
    method: 'get',
    path: '/apis',
    summary: 'List APIs, by identifier unless sorted',
    scope: 'apis:read',
    query: ApiPage,
    replies: { 200: listOf(ApiSchema) },
    async handle({ operator, query, services }) {
      const { sort, limit, cursor, dynamic_clients: dynamicClients, ...rest } = query;
      const filters = { ...rest, dynamicClients };
      const found = await services.apis.list(operator, { filters, limit, cursor, ...(sort && { sort }) });
      return { status: 200, body: pageOf(found, apiOf) };
    },
  }),
  managed({
    id: 'createApi',
    method: 'post',
    path: '/apis',
    summary: 'Register an API',
    scope: 'apis:write',
    body: NewApi,
    replies: { 201: ApiSchema },
    async handle({ operator, body, services }) {
      const { identifier: of, name } = body;
      const api = apiOf(await services.apis.create(operator, { ...changesOf(body), identifier: of, name }));
      return resource(201, api, `/api/v2/apis/${encodeURIComponent(api.identifier)}`);
    },
  }),
  managed({
    id: 'getApi',
    method: 'get',
    path: '/apis/{id}',
    params: apiId,
    summary: 'Get an API',
    scope: 'apis:read',
    replies: { 200: ApiSchema },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'listApiUses',
    method: 'get',
    path: '/apis/{id}/uses',
    params: apiId,
    summary: 'List the roles and clients that refer to an API, as far as the caller may see them',
    scope: 'apis:read',
    replies: { 200: listOf(ApiUse) },
    refusals: [404],
    async handle(call) {
      const items = await call.services.apis.uses(call.operator, idOf(call));
      return { status: 200, body: { items, next_cursor: null } };
    },
  }),
  managed({
    id: 'updateApi',
    method: 'patch',
    path: '/apis/{id}',
    params: apiId,
    summary: 'Change an API; scopes that roles or clients refer to cannot be removed',
    scope: 'apis:write',
    body: Changes,
    replies: { 200: ApiSchema },
    refusals: [404, 409, 412],
    async handle(call) {
      const { operator, body, expected, services } = call;
      return resource(
        200,
        apiOf(await services.apis.update(operator, idOf(call), changesOf(body), expected)),
      );
    },
    current: asItIs,
  }),
  managed({
    id: 'deleteApi',
    method: 'delete',
    path: '/apis/{id}',
    params: apiId,
    summary: 'Delete an API that no role or client refers to',
    scope: 'apis:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409, 412],
    async handle(call) {
      await call.services.apis.remove(call.operator, idOf(call), call.expected);
      return { status: 204 };
    },
    current: asItIs,
  }),
];
