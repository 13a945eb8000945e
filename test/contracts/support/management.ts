import { randomUUID } from 'node:crypto';

const name = () => `n${randomUUID()}`;

/** Bodies that there is nothing wrong with, by the operation of the management API. */
export const MANAGEMENT_GOOD: Readonly<Record<string, () => unknown>> = {
  setUserRoles: () => ({ roles: ['user'] }),
  setUserGroups: () => ({ groups: [] }),
  createRole: () => ({ name: name(), description: 'x', permissions: ['users:read'], scopes: [] }),
  updateRole: () => ({ description: 'x', permissions: [], scopes: [] }),
  createGroup: () => ({ name: name(), description: 'x', roles: ['user'] }),
  createClient: () => ({ name: 'x', redirect_uris: ['https://app.example.test/cb'] }),
  updateClient: () => ({ name: 'x' }),
  createClientSecret: () => ({ overlap: 60, expires_in: null }),
  previewClient: () => ({ scope: 'openid' }),
  createApi: () => ({ identifier: `https://${name()}.example.test`, name: 'x', scopes: ['x:read'] }),
  updateApi: () => ({ name: 'x' }),
  createScimToken: () => ({ name: 'x', expires_at: null }),
  createUpstream: () => ({
    id: name(),
    name: 'x',
    issuer: 'https://127.0.0.1',
    client_id: 'x',
    client_secret: 'x',
    enabled: false,
  }),
  updateUpstream: () => ({ name: 'x', scopes: ['openid'] }),
  createManagedApiKey: () => ({ name: 'x', permissions: ['users:read'] }),
  createRegistrationToken: () => ({ policy: 'default', expires_at: '2100-01-01T00:00:00Z' }),
  updateSettings: () => ({ 'loginRequests.perClient': 30 }),
  updateContract: () => ({ open: true }),
  retireKey: () => ({ force: false, reason: null }),
  createWebhook: () => ({ url: 'https://webhooks.example/a', event_types: ['role.deleted'] }),
  updateWebhook: () => ({ description: 'x', event_types: ['role.*'], enabled: true }),
  updateGroup: () => ({ name: name(), description: 'x', roles: [] }),
  setAttributes: () => ({
    schema: { type: 'object', properties: { team: { type: 'string', scope: 'profile' } }, required: [] },
  }),
  bulk: () => ({ operations: [{ id: '1', method: 'GET', path: '/caller' }], atomic: false }),
};

/** Fields of these whose right form is not enough. */
export const MANAGEMENT_MUST_BE_SO: Readonly<Record<string, string[]>> = {
  'the management API listUsers': ['cursor'],
  'the management API listGroups': ['cursor'],
  'the management API listAuditEvents': ['cursor', 'ip'],
  'the management API exportAuditEvents': ['ip'],
  'the management API setAttributes': ['*'],
  'the management API createWebhook': ['url', 'secret', 'event_types'],
  'the management API updateWebhook': ['url', 'event_types'],
  'the management API listWebhooks': ['cursor'],
  'the management API listDeliveries': ['cursor'],
  'the management API listClients': ['cursor'],
  'the management API listClientUsers': ['cursor'],
  'the management API createClient': ['*'],
  'the management API updateClient': ['*'],
  'the management API listApis': ['cursor'],
  'the management API createApi': ['identifier', 'name', 'scopes'],
  'the management API updateApi': ['name', 'scopes'],
  'the management API createRole': ['scopes'],
  'the management API updateRole': ['scopes'],
  'the management API listApiKeys': ['cursor'],
  'the management API createUpstream': ['*'],
  'the management API updateUpstream': ['*'],
  'the management API createManagedApiKey': ['permissions', 'account_id', 'expires_at'],
  'the management API createRegistrationToken': ['policy', 'expires_at'],
  'the management API createGroup': ['roles'],
  'the management API updateGroup': ['roles'],
};
