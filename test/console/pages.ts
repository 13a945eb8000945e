import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { authorizationUrl } from '../oidc/support/flow.ts';
import type { Person, Provider } from '../oidc/support/provider.ts';
import { until } from '../support/until.ts';
import type { Operator } from './support/operators.ts';

/** What the pages need: a signed-in owner, and a person to show. */
export interface World {
  provider: Provider;
  owner: Operator;
  person: Person;
}

/** A client with a refused request, whose redirect URI may be added. */
async function refusedClient(provider: Provider): Promise<string> {
  const client = await provider.createClient();
  await fetch(authorizationUrl(provider, client, { redirect_uri: 'http://localhost:3000/callback' }));
  await until(
    async () => (await provider.sql('select from refusals where client_id = $1', [client.id])).length > 0,
  );
  return client.id;
}

/**
 * Every page of the console by its path below /admin: a text, or a function that first creates what the page
 * shows.
 * The heading is the English h1, or a part of it.
 */
export const PAGES: readonly {
  path: string | ((world: World) => Promise<string> | string);
  heading: string;
}[] = [
  { path: '', heading: 'Overview' },
  { path: '/search', heading: 'Search' },
  { path: '/search?q=example.test', heading: 'Search' },
  { path: '/settings?search=console', heading: 'Settings' },
  { path: '/settings/registration.open', heading: 'registration.open' },
  { path: '/attributes', heading: 'Attributes' },
  { path: '/health', heading: 'Health' },
  { path: '/shortcuts', heading: 'Keyboard shortcuts' },
  { path: '/audit', heading: 'Audit' },
  { path: '/audit?type=user.*&outcome=success', heading: 'Audit' },
  {
    path: async ({ provider, owner }) => {
      const [event] = await provider.sql(
        "select id from audit_events where type = 'user.updated' and subject = $1 limit 1",
        [owner.person.id],
      );
      return `/audit/${String(event?.['id'])}`;
    },
    heading: 'changed the roles of Ada Lovelace',
  },
  { path: '/contracts', heading: 'Doors' },
  { path: '/contracts/gateway', heading: 'Authentication Service' },
  { path: '/contracts/gateway/close', heading: 'Close the door gateway?' },
  { path: '/mail', heading: 'Mail' },
  { path: '/mail/test', heading: 'Test message' },
  { path: '/mail/templates', heading: 'Templates' },
  { path: '/mail/templates/password-reset', heading: 'password-reset' },
  { path: '/webhooks', heading: 'Webhooks' },
  { path: '/webhooks/new', heading: 'New webhook' },
  {
    path: async ({ provider }) => {
      const { webhook } = await provider.operator.webhooks.create(shellOperator(systemActor), {
        url: 'https://app.example.com/webhooks',
      });
      return `/webhooks/${webhook.id}`;
    },
    heading: 'https://app.example.com/webhooks',
  },
  { path: '/branding', heading: 'Branding' },
  { path: '/branding?language=de', heading: 'Branding' },
  { path: '/keys', heading: 'Keys' },
  { path: '/keys/rotate', heading: 'Publish the next keys?' },
  { path: '/api-keys', heading: 'API keys' },
  { path: '/api-keys/new', heading: 'New API key' },
  {
    async path({ provider }) {
      const shell = shellOperator(systemActor);
      const { record } = await provider.operator.apiKeyAdmin.create(shell, { name: 'CRM' });
      return `/api-keys/${record.id}`;
    },
    heading: 'CRM',
  },
  { path: '/registration-tokens', heading: 'Registration tokens' },
  { path: '/registration-tokens/new', heading: 'New registration token' },
  { path: '/scim-tokens', heading: 'Directory tokens (SCIM)' },
  { path: '/scim-tokens/new', heading: 'New directory token' },
  { path: '/clients', heading: 'Apps' },
  { path: '/clients/new', heading: 'New app' },
  { path: '/clients/new?kind=web&framework=spring-boot', heading: 'New app' },
  {
    path: '/clients/new?kind=spa&framework=other&step=3&name=Shop&redirect_uris=https%3A%2F%2Fshop.example.test%2F',
    heading: 'New app',
  },
  {
    path: async ({ provider }) => `/clients/${await refusedClient(provider)}?preview=1`,
    heading: 'Test client',
  },
  {
    path: async ({ provider }) => {
      const policy = { audience: 'https://auth.chat.example', client_id: 'chat', groups: ['staff'] };
      const metadata = { agent: true, identity_assertions: [policy] };
      return `/clients/${(await provider.createClient(metadata)).id}`;
    },
    heading: 'Test client',
  },
  {
    path: async ({ provider }) => `/clients/${(await provider.createClient()).id}/delete`,
    heading: 'Delete Test client?',
  },
  { path: '/users', heading: 'People' },
  { path: '/users/new', heading: 'New person' },
  { path: ({ person }) => `/users/${person.id}`, heading: 'Ada Lovelace' },
  { path: ({ person }) => `/users/${person.id}/view-as`, heading: 'View as Ada Lovelace' },
  { path: ({ person }) => `/users/${person.id}/suspend`, heading: 'Suspend Ada Lovelace?' },
  { path: ({ person }) => `/users/${person.id}/delete`, heading: 'Delete Ada Lovelace?' },
  { path: ({ person }) => `/users/bulk/delete?id=${person.id}`, heading: 'Delete one person?' },
  { path: '/groups', heading: 'Groups' },
  { path: '/groups/new', heading: 'New group' },
  {
    async path({ provider, person }) {
      const group = await provider.operator.groups.create(shellOperator(systemActor), {
        name: 'Helpdesk',
        roles: ['support'],
      });
      await provider.operator.groups.add(shellOperator(systemActor), group.id, person.id);
      return `/groups/${group.id}`;
    },
    heading: 'Helpdesk',
  },
  { path: '/roles', heading: 'Roles' },
  { path: '/roles/user', heading: 'user' },
  { path: '/roles/new?copy=support', heading: 'New role' },
  { path: '/sessions', heading: 'Sessions' },
  { path: '/apis', heading: 'APIs' },
  { path: '/apis/new?kind=mcp', heading: 'New MCP server' },
  {
    async path({ provider }) {
      const identifier = 'https://tools.example.test/mcp';
      await provider.createApi({ identifier, name: 'Tools', scopes: ['tools:call'], dynamicClients: true });
      return `/apis/${encodeURIComponent(identifier)}`;
    },
    heading: 'Tools',
  },
  { path: '/upstreams', heading: 'Sign-in providers' },
  { path: '/upstreams/new?preset=github', heading: 'New provider' },
  {
    async path({ provider }) {
      await provider.operator.upstreams.create(shellOperator(systemActor), {
        id: 'corp',
        name: 'Corp',
        issuer: 'https://id.corp.example',
        clientId: 'postern',
        clientSecret: 'secret',
        enabled: false,
      });
      return '/upstreams/corp';
    },
    heading: 'Corp',
  },
  {
    async path({ provider, person }) {
      await provider.operator.upstreams.create(shellOperator(systemActor), {
        id: 'linked',
        name: 'Partner',
        issuer: 'https://id.partner.example',
        clientId: 'postern',
        clientSecret: 'secret',
        enabled: false,
      });
      await provider.sql(
        `insert into upstream_identities (id, upstream, issuer, subject, account_id)
         values (gen_random_uuid(), 'linked', 'https://id.partner.example', 'ada', $1)`,
        [person.id],
      );
      return '/upstreams/linked/people';
    },
    heading: 'People linked: Partner',
  },
  { path: '/nothing-here', heading: 'Not found' },
];
