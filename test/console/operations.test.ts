/** Every operation of the management API has a page in the console, or a reason for having none. */
import { beforeAll, expect, test } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { apiOf } from '../api/support/client.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { enterConsole, type Operator } from './support/operators.ts';

/** Where the console does it: a page (GET) or form (POST) under /admin, or why nowhere. */
type Place = `${'GET' | 'POST'} /${string}` | { none: string };

const PLACES: Readonly<Record<string, Place>> = {
  listUsers: 'GET /users',
  createUser: 'POST /users/new',
  exportUsers: 'GET /users/export?format=csv',
  getUser: 'GET /users/{user}',
  updateUser: 'POST /users/{user}/profile',
  deleteUser: 'POST /users/{user}/delete',
  getUserRoles: 'GET /users/{user}',
  setUserRoles: 'POST /users/{user}/roles',
  listUserGroups: 'GET /users/{user}',
  setUserGroups: 'POST /users/{user}/groups/add',
  suspendUser: 'POST /users/{user}/suspend',
  reactivateUser: 'POST /users/{user}/reactivate',
  unlockUser: 'POST /users/{user}/unlock',
  inviteUser: 'POST /users/{user}/invite',
  verifyUserEmail: 'POST /users/{user}/verify',
  resetUserPassword: 'POST /users/{user}/reset',
  impersonateUser: 'POST /users/{user}/view-as',
  listUserFactors: 'GET /users/{user}',
  removeUserFactors: 'POST /users/{user}/factors/remove',
  removeUserFactor: 'POST /users/{user}/factors/1/remove',
  listUserSessions: 'GET /users/{user}',
  endUserSessions: 'POST /users/{user}/sessions/end',
  endUserSession: 'POST /users/{user}/sessions/1/end',
  listUserApps: 'GET /users/{user}',
  disconnectUserApps: 'POST /users/{user}/apps/withdraw',
  disconnectUserApp: 'POST /users/{user}/apps/end',
  listUserIdentities: 'GET /users/{user}',
  disconnectUserIdentity: 'POST /users/{user}/identities/1/remove',
  listUserEvents: 'GET /users/{user}',
  listUserRefusals: 'GET /users/{user}',
  getUserData: 'GET /users/{user}/data',
  listSessions: 'GET /sessions',
  listGroups: 'GET /groups',
  createGroup: 'POST /groups/new',
  getGroup: 'GET /groups/{group}',
  updateGroup: 'POST /groups/{group}',
  deleteGroup: 'POST /groups/{group}/delete',
  listMembers: 'GET /groups/{group}',
  addMember: 'POST /groups/{group}/members',
  removeMember: 'POST /groups/{group}/members/remove',
  listPermissions: 'GET /roles/new',
  getCaller: { none: 'The navigation shows what an operator may.' },
  listRoles: 'GET /roles',
  createRole: 'POST /roles/new',
  getRole: 'GET /roles/support',
  updateRole: 'POST /roles/clerk',
  deleteRole: 'POST /roles/clerk/delete',
  listClients: 'GET /clients',
  createClient: 'POST /clients/new',
  getClient: 'GET /clients/{client}',
  updateClient: 'POST /clients/{client}/basics',
  deleteClient: 'POST /clients/{client}/delete',
  enableClient: 'POST /clients/{client}/enable',
  disableClient: 'POST /clients/{client}/disable',
  listClientSecrets: 'GET /clients/{client}',
  createClientSecret: 'POST /clients/{client}/secrets',
  deleteClientSecret: 'POST /clients/{client}/secrets/1/retire',
  listClientUsers: 'GET /clients/{client}',
  listClientRefusals: 'GET /clients/{client}',
  previewClient: 'GET /clients/{client}?preview=1',
  listApis: 'GET /apis',
  createApi: 'POST /apis/new',
  getApi: 'GET /apis/{api}',
  updateApi: 'POST /apis/{api}/scopes',
  deleteApi: 'POST /apis/{api}/delete',
  listApiUses: 'GET /apis/{api}',
  getAttributes: 'GET /attributes',
  setAttributes: 'POST /attributes',
  listAuditEvents: 'GET /audit',
  exportAuditEvents: 'GET /audit/export?format=csv',
  getAuditEvent: 'GET /audit/{event}',
  putBackAuditEvent: 'POST /audit/{event}/put-back',
  listUpstreams: 'GET /upstreams',
  createUpstream: 'POST /upstreams/new',
  getUpstream: 'GET /upstreams/corp',
  updateUpstream: 'POST /upstreams/corp/settings',
  deleteUpstream: 'POST /upstreams/corp/delete',
  listUpstreamUsers: 'GET /upstreams/corp/people',
  testUpstream: 'POST /upstreams/corp/test',
  listApiKeys: 'GET /api-keys',
  createManagedApiKey: 'POST /api-keys/new',
  getManagedApiKey: 'GET /api-keys/{key}',
  updateManagedApiKey: 'POST /api-keys/{key}',
  revokeManagedApiKey: 'POST /api-keys/1/revoke',
  listRegistrationTokens: 'GET /registration-tokens',
  createRegistrationToken: 'POST /registration-tokens/new',
  getRegistrationToken: 'GET /registration-tokens',
  revokeRegistrationToken: 'POST /registration-tokens/1/revoke',
  listKeys: 'GET /keys',
  rotateKeys: 'POST /keys/rotate',
  retireKey: 'POST /keys/1/retire',
  listContracts: 'GET /contracts',
  getContract: 'GET /contracts/gateway',
  updateContract: 'POST /contracts/gateway/close',
  getContractUsage: 'GET /contracts/gateway',
  getMigration: { none: 'Moving in happens on the command line, where its progress shows.' },
  listScimTokens: 'GET /scim-tokens',
  createScimToken: 'POST /scim-tokens/new',
  deleteScimToken: 'POST /scim-tokens/1/revoke',
  listEventTypes: 'GET /webhooks/new',
  listWebhooks: 'GET /webhooks',
  createWebhook: 'POST /webhooks/new',
  getWebhook: 'GET /webhooks/{webhook}',
  updateWebhook: 'POST /webhooks/{webhook}/edit',
  deleteWebhook: 'POST /webhooks/{webhook}/delete',
  rotateWebhookSecret: 'POST /webhooks/{webhook}/rotate-secret',
  enableWebhook: 'POST /webhooks/{webhook}/enable',
  disableWebhook: 'POST /webhooks/{webhook}/disable',
  testWebhook: 'POST /webhooks/{webhook}/test',
  listDeliveries: 'GET /webhooks/{webhook}',
  getDelivery: {
    none: 'GET /webhooks/{webhook}/deliveries/{did} is its page; there is no delivery here to open.',
  },
  replayDelivery: 'POST /webhooks/{webhook}/deliveries/1/replay',
  listSettings: 'GET /settings',
  updateSettings: 'POST /settings/registration.open',
  getHealth: 'GET /health',
  getBranding: 'GET /branding',
  updateBranding: 'POST /branding',
  listBrandingVersions: 'GET /branding',
  undoBranding: 'POST /branding/undo',
  search: 'GET /search?q=ana',
  getStats: 'GET /',
  getSetup: 'GET /',
  setSetup: 'POST /first-steps',
  listMail: 'GET /mail',
  getMail: { none: 'GET /mail/outbox/{mid} is its page; no letter waits here to be opened.' },
  resendMail: 'POST /mail/outbox/1/resend',
  listMailTemplates: 'GET /mail/templates',
  updateMailTemplates: 'POST /mail/templates/password-reset',
  previewMailTemplate: 'GET /mail/preview/password-reset/en',
  sendTestMail: 'POST /mail/test',
  bulk: { none: 'Lists have ticked rows; what programs send together they send to the API.' },
};

let provider: Provider;
let owner: Operator;
const made: Record<string, string> = {};
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await enterConsole(provider, 'owner');
  const shell = shellOperator(systemActor);
  const { operator } = provider;
  const identifier = 'https://orders.example.test';
  await provider.createApi({ identifier });
  await operator.upstreams.create(shell, {
    id: 'corp',
    name: 'Corp',
    issuer: 'https://id.corp.example',
    clientId: 'postern',
    clientSecret: 'secret',
    enabled: false,
  });
  const { webhook } = await operator.webhooks.create(shell, { url: 'https://app.example.com/webhooks' });
  const { record } = await operator.apiKeyAdmin.create(shell, { name: 'CRM' });
  const event = await provider.audited('user.updated', owner.person.id);
  Object.assign(made, {
    user: (await provider.createPerson()).id,
    group: (await operator.groups.create(shell, { name: 'Helpdesk' })).id,
    client: (await provider.createClient()).id,
    api: encodeURIComponent(identifier),
    webhook: webhook.id,
    key: record.id,
    event: String(event['id']),
  });
});

const addressOf = (place: string): string =>
  `/admin${place.replace(/^\S+ /, '').replaceAll(/\{(\w+)\}/g, (_, name: string) => made[name] ?? '')}`;

test('every operation of the OpenAPI document is in the table, and nothing else', async () => {
  const reply = await fetch(`${apiOf(provider)}/openapi.json`);
  const { paths } = (await reply.json()) as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  const operations = Object.entries(paths)
    .filter(([path]) => !path.startsWith('/api/v2/me'))
    .flatMap(([, methods]) => Object.values(methods).map(({ operationId }) => operationId));
  expect(Object.keys(PLACES).sort()).toEqual(operations.sort());
});

test('every page in the table opens, and every form is on one', async () => {
  const places = [...new Set(Object.values(PLACES))].filter((place) => typeof place === 'string');
  for (const place of places) {
    const address = addressOf(place).replace(/\/$/, '');
    if (place.startsWith('GET')) {
      const { status } = await owner.agent.open(address);
      expect({ place, status }).toEqual({ place, status: 200 });
    } else {
      const reply = await fetch(`${provider.url}${address}`, { method: 'OPTIONS' });
      expect({ place, allows: reply.headers.get('allow') }).toEqual({
        place,
        allows: expect.stringContaining('POST'),
      });
    }
  }
});
