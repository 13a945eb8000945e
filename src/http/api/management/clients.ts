import type { z } from 'zod';
import {
  type ClientSecret,
  clientView,
  type Consenter,
  type ManagedClient,
} from '../../../domain/clients.ts';
import { Refusal, refusalOf } from '../items.ts';
import { managed, type OperatorCall } from '../operation.ts';
import * as schemas from './client-schemas.ts';
import { pageOf, resource } from './presenters.ts';
import { listOf } from './schemas.ts';

const clientOf = (client: ManagedClient): z.infer<typeof schemas.Client> => ({
  ...clientView(client),
  version: client.version,
});

const secretOf = ({ id, createdAt, expiresAt }: ClientSecret): z.infer<typeof schemas.ClientSecret> => ({
  id,
  created_at: createdAt.toISOString(),
  expires_at: expiresAt?.toISOString() ?? null,
});

const consenterOf = ({
  id,
  email,
  name,
  allowed,
  createdAt,
}: Consenter): z.infer<typeof schemas.Consenter> => ({
  id,
  email,
  name,
  scopes: allowed.oidcScopes,
  apis: Object.entries(allowed.resourceScopes).map(([api, scopes]) => ({ api, scopes })),
  since: createdAt.toISOString(),
});

const idOf = ({ params }: OperatorCall<unknown, unknown>): string => params['id'] ?? '';

const asItIs = async (call: OperatorCall<unknown, unknown>) =>
  clientOf(await call.services.clients.find(call.operator, idOf(call)));

const switching = (id: string, summary: string, enabled: boolean) =>
  managed({
    id,
    method: 'post',
    path: `/clients/{id}/${enabled ? 'enable' : 'disable'}`,
    params: schemas.clientId,
    summary,
    scope: 'clients:write',
    replies: { 200: schemas.Client },
    refusals: [404, 412],
    async handle(call) {
      const { operator, expected, services } = call;
      return resource(
        200,
        clientOf(await services.clients.setEnabled(operator, idOf(call), enabled, expected)),
      );
    },
    current: asItIs,
  });

/** Apps and service accounts. */
export const clients = [
  managed({
    id: 'listClients',
    method: 'get',
    path: '/clients',
    summary: 'List clients, by client_id unless sorted',
    scope: 'clients:read',
    query: schemas.ClientPage,
    replies: { 200: schemas.Clients },
    async handle({ operator, query: { sort, limit, cursor, ...filters }, services }) {
      const page = await services.clients.list(operator, { filters, limit, cursor, ...(sort && { sort }) });
      return { status: 200, body: pageOf(page, clientOf) };
    },
  }),
  managed({
    id: 'createClient',
    method: 'post',
    path: '/clients',
    summary:
      'Create a client; with roles, which you must have yourself, it is a service account for management',
    scope: 'clients:write',
    fresh: true,
    body: schemas.NewClient,
    replies: { 201: schemas.CreatedClient },
    async handle({ operator, body, services }) {
      const { name, roles, client_id: id, client_secret: brought, ...metadata } = body;
      const created = await services.clients.create(operator, { id, secret: brought, name, roles, metadata });
      const client = { ...clientOf(created.client), client_secret: created.secret };
      return resource(201, client, `/api/v2/clients/${encodeURIComponent(client.client_id)}`);
    },
  }),
  managed({
    id: 'getClient',
    method: 'get',
    path: '/clients/{id}',
    params: schemas.clientId,
    summary: 'A client',
    scope: 'clients:read',
    replies: { 200: schemas.Client },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateClient',
    method: 'patch',
    path: '/clients/{id}',
    params: schemas.clientId,
    summary:
      'Change a client; one with management roles can only be changed by somebody with its permissions',
    scope: 'clients:write',
    fresh: true,
    body: schemas.ClientChanges,
    replies: { 200: schemas.Client },
    refusals: [404, 409, 412],
    async handle(call) {
      const { name, roles, ...metadata } = call.body;
      const { operator, expected, services } = call;
      const changed = await services.clients.update(
        operator,
        idOf(call),
        { name, roles, metadata },
        expected,
      );
      return resource(200, clientOf(changed));
    },
    current: asItIs,
  }),
  managed({
    id: 'deleteClient',
    method: 'delete',
    path: '/clients/{id}',
    params: schemas.clientId,
    summary: 'Delete a client; its grants and tokens end at once',
    scope: 'clients:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 412],
    async handle(call) {
      await call.services.clients.remove(call.operator, idOf(call), call.expected);
      return { status: 204 };
    },
    current: asItIs,
  }),
  switching('enableClient', 'Enable a client', true),
  switching(
    'disableClient',
    'Disable a client; it gets no tokens, and its tokens are invalid meanwhile',
    false,
  ),
  managed({
    id: 'listClientSecrets',
    method: 'get',
    path: '/clients/{id}/secrets',
    params: schemas.clientId,
    summary: 'List the valid secrets, newest first, without their values',
    scope: 'clients:read',
    replies: { 200: schemas.ClientSecrets },
    refusals: [404],
    async handle(call) {
      const items = await call.services.clients.secrets(call.operator, idOf(call));
      return { status: 200, body: { items: items.map(secretOf), next_cursor: null } };
    },
  }),
  managed({
    id: 'createClientSecret',
    method: 'post',
    path: '/clients/{id}/secrets',
    params: schemas.clientId,
    summary: 'Create a new secret; the previous ones stay valid for a while',
    scope: 'clients:write',
    fresh: true,
    body: schemas.NewClientSecret,
    replies: { 201: schemas.CreatedClientSecret },
    refusals: [404],
    async handle(call) {
      const { overlap, expires_in: lifetime } = call.body;
      const { secret, ...made } = await call.services.clients.rotateSecret(call.operator, idOf(call), {
        overlap,
        lifetime,
      });
      return { status: 201, body: { ...secretOf(made), client_secret: secret } };
    },
  }),
  managed({
    id: 'deleteClientSecret',
    method: 'delete',
    path: '/clients/{id}/secrets/{sid}',
    params: schemas.secretIds,
    summary: 'Remove one of several secrets',
    scope: 'clients:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409],
    async handle(call) {
      await call.services.clients.removeSecret(call.operator, idOf(call), call.params['sid'] ?? '');
      return { status: 204 };
    },
  }),
  managed({
    id: 'listClientUsers',
    method: 'get',
    path: '/clients/{id}/users',
    params: schemas.clientId,
    summary: 'List the people who consented to a client, latest first; needs users:read, too',
    scope: 'clients:read',
    query: schemas.ConsenterPage,
    replies: { 200: schemas.Consenters },
    refusals: [404],
    async handle(call) {
      const page = await call.services.clients.consents(call.operator, idOf(call), call.query);
      return { status: 200, body: pageOf(page, consenterOf) };
    },
  }),
  managed({
    id: 'listClientRefusals',
    method: 'get',
    path: '/clients/{id}/refusals',
    params: schemas.clientId,
    summary:
      'List the refused requests of a client in the last 30 days, with reasons and advice: the latest 20 different ones',
    scope: 'clients:read',
    replies: { 200: listOf(Refusal) },
    refusals: [404],
    async handle(call) {
      const items = await call.services.refusals.ofClient(call.operator, idOf(call));
      return { status: 200, body: { items: items.map(refusalOf), next_cursor: null } };
    },
  }),
  managed({
    id: 'previewClient',
    method: 'post',
    path: '/clients/{id}/preview',
    params: schemas.clientId,
    summary:
      'Preview the claims of its tokens, for a person (needs users:read) or for itself; none is issued',
    scope: 'clients:read',
    body: schemas.PreviewRequest,
    replies: { 200: schemas.Preview },
    refusals: [404],
    async handle(call) {
      const { operator, body, services } = call;
      const client = await services.clients.find(operator, idOf(call));
      const user = body.user === undefined ? null : await services.people.find(operator, body.user);
      const preview = await services.previewTokens({
        clientId: client.id,
        accountId: user?.id,
        scope: body.scope,
        resource: body.resource,
      });
      return { status: 200, body: preview };
    },
  }),
];
