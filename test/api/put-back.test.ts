import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

let provider: Provider;
let auditor: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  auditor = await callAs(provider, 'auditor');
});

describe('reverting a change', () => {
  let owner: Call;
  beforeAll(async () => {
    owner = await callAs(provider, 'owner');
  });
  const latest = async (type: string) =>
    itemsOf(await owner('GET', `/audit?type=${type}&limit=1`))[0] as { id: string; puts_back?: string };
  const putBack = (id: string, call = owner) => call('POST', `/audit/${id}/put-back`);
  const name = () => `n${randomUUID().slice(0, 8)}`;

  /** Makes a change. @returns the type of its event, and a function that shows the changed field. */
  const CHANGES: Record<string, () => Promise<{ type: string; shows: () => Promise<unknown> }>> = {
    async 'a role'() {
      const role = name();
      await owner('POST', '/roles', { name: role, description: 'Helps', permissions: ['users:read'] });
      await owner('PATCH', `/roles/${role}`, { description: 'Harms', permissions: ['audit:read'] });
      return {
        type: 'role.updated',
        shows: async () => (await owner('GET', `/roles/${role}`)).body['permissions'],
      };
    },
    async 'a profile, its address and its attributes'() {
      const { id } = await provider.createPerson();
      await owner('PATCH', `/users/${id}`, { nickname: 'Ada', address: { locality: 'Turin' } });
      await owner('PATCH', `/users/${id}`, { nickname: null, address: { country: 'Italy' } });
      return {
        type: 'user.updated',
        shows: async () => {
          const { nickname, address } = (await owner('GET', `/users/${id}`)).body;
          return [nickname, address];
        },
      };
    },
    async 'the roles of a person'() {
      const { id } = await provider.createPerson();
      await owner('PUT', `/users/${id}/roles`, { roles: ['user', 'auditor'] });
      return { type: 'user.updated', shows: async () => (await owner('GET', `/users/${id}`)).body['roles'] };
    },
    async 'a suspension'() {
      const { id } = await provider.createPerson();
      await owner('POST', `/users/${id}/suspend`);
      return {
        type: 'user.suspended',
        shows: async () => (await owner('GET', `/users/${id}`)).body['status'],
      };
    },
    async 'a member of a group'() {
      const { id } = await provider.createPerson();
      const group = (await owner('POST', '/groups', { name: name() })).body['id'] as string;
      await owner('PUT', `/groups/${group}/members/${id}`);
      return {
        type: 'group.member_added',
        shows: async () => itemsOf(await owner('GET', `/users/${id}/groups`)).length,
      };
    },
    async 'an app, where a property came anew'() {
      const { id } = await provider.createClient();
      await owner('PATCH', `/clients/${id}`, { name: 'Shop', client_uri: 'https://shop.example' });
      return {
        type: 'client.updated',
        shows: async () => {
          const { body } = await owner('GET', `/clients/${id}`);
          return [body['name'], body['client_uri']];
        },
      };
    },
    async 'an app that was disabled'() {
      const { id } = await provider.createClient();
      await owner('POST', `/clients/${id}/disable`);
      return {
        type: 'client.disabled',
        shows: async () => (await owner('GET', `/clients/${id}`)).body['enabled'],
      };
    },
    async 'an API'() {
      const identifier = `https://${name()}.example`;
      await owner('POST', '/apis', { identifier, name: 'Orders', scopes: ['orders:read'] });
      const path = `/apis/${encodeURIComponent(identifier)}`;
      await owner('PATCH', path, { name: 'Bills' });
      return { type: 'api.updated', shows: async () => (await owner('GET', path)).body['name'] };
    },
    async 'a contract'() {
      await owner('PATCH', '/contracts/flask', { open: false });
      return {
        type: 'contract.closed',
        shows: async () => (await owner('GET', '/contracts/flask')).body['open'],
      };
    },
    async 'a webhook'() {
      const { body } = await owner('POST', '/webhooks', { url: 'https://example.com/hook' });
      await owner('PATCH', `/webhooks/${String(body['id'])}`, { event_types: ['user.*'] });
      return {
        type: 'webhook.updated',
        shows: async () => (await owner('GET', `/webhooks/${String(body['id'])}`)).body['event_types'],
      };
    },
    async 'the attributes'() {
      await owner('PUT', '/attributes', {
        schema: { type: 'object', properties: { seat: { type: 'string' } } },
      });
      return {
        type: 'attributes.updated',
        shows: async () => {
          const { schema } = (await owner('GET', '/attributes')).body as { schema: { properties?: object } };
          return Object.keys(schema.properties ?? {});
        },
      };
    },
    async 'a setting'() {
      await owner('PATCH', '/settings', { 'registration.open': false });
      return {
        type: 'settings.updated',
        shows: async () =>
          itemsOf(await owner('GET', '/settings'))
            .filter(({ key }) => key === 'registration.open')
            .flatMap(({ value, source }) => [value, source]),
      };
    },
    async 'a provider'() {
      const made = await owner('POST', '/upstreams', {
        id: name(),
        name: 'Partner',
        issuer: 'https://partner.example',
        client_id: 'postern',
        client_secret: 'a secret of theirs',
        enabled: false,
      });
      const address = `/upstreams/${String(made.body['id'])}`;
      await owner('PATCH', address, { scopes: ['openid', 'phone'] });
      return {
        type: 'upstream.updated',
        shows: async () => (await owner('GET', address)).body['scopes'],
      };
    },
    async 'a sentence of a mail'() {
      const change = { template: 'password-reset', language: 'en', texts: { subject: 'Anew' } };
      await owner('PATCH', '/mail/templates', change);
      return {
        type: 'mail_template.updated',
        shows: async () =>
          itemsOf(await owner('GET', '/mail/templates?template=password-reset&language=en'))[0]?.[
            'overridden'
          ],
      };
    },
    async 'the look, with its logo'() {
      const data =
        'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
      await owner('PATCH', '/branding', { name: 'One', logo: { type: 'image/png', data } });
      await owner('PATCH', '/branding', { name: null, logo: null, texts: { en: { page_footer: 'Two' } } });
      return {
        type: 'branding.updated',
        shows: async () => {
          const { body } = await owner('GET', '/branding');
          return [body['name'], body['logo'], body['texts']];
        },
      };
    },
  };
  const RESULTS: Record<string, [changed: unknown, back: unknown]> = {
    'a role': [['audit:read'], ['users:read']],
    'a profile, its address and its attributes': [
      [null, expect.objectContaining({ country: 'Italy' })],
      ['Ada', { locality: 'Turin' }],
    ],
    'the roles of a person': [['auditor', 'user'], ['user']],
    'a suspension': ['suspended', 'active'],
    'a member of a group': [1, 0],
    'an app, where a property came anew': [
      ['Shop', 'https://shop.example'],
      [expect.not.stringMatching('Shop'), undefined],
    ],
    'an app that was disabled': [false, true],
    'an API': ['Bills', 'Orders'],
    'a contract': [false, true],
    'a webhook': [['user.*'], ['*']],
    'the attributes': [['seat'], []],
    'a setting': [
      [false, 'database'],
      [true, expect.not.stringMatching('database')],
    ],
    'a provider': [['openid', 'phone'], null],
    'a sentence of a mail': [['subject'], []],
    'the look, with its logo': [
      [null, null, { en: { page_footer: 'Two' } }],
      ['One', expect.objectContaining({ type: 'image/png' }), {}],
    ],
  };

  it.each(Object.keys(CHANGES))('restores %s, in an event that refers to the reverted one', async (what) => {
    const { type, shows } = await CHANGES[what]!();
    const event = await latest(type);
    const [changed, back] = RESULTS[what]!;
    expect(await shows()).toEqual(changed);
    const done = await putBack(event.id);
    expect(done).toMatchObject({ status: 200, body: { puts_back: event.id, actor: { kind: 'client' } } });
    expect(await shows()).toEqual(back);
    // Already reverted: a second attempt finds another state and says which.
    expect(await putBack(event.id)).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    // Reverting the revert works too.
    expect(await putBack(String(done.body['id']))).toMatchObject({ status: 200 });
    expect(await shows()).toEqual(changed);
  });

  it('needs the caller’s own permission, and is refused after a later change', async () => {
    const role = name();
    await owner('POST', '/roles', { name: role, permissions: ['settings:write'] });
    await owner('PATCH', `/roles/${role}`, { description: 'Other', permissions: [] });
    const event = await latest('role.updated');
    const administrator = await callAs(provider, 'administrator');
    expect(await putBack(event.id, administrator)).toMatchObject({
      status: 403,
      body: { code: 'permission_not_held' },
    });
    expect(await putBack(event.id, auditor)).toMatchObject({
      status: 403,
      body: { code: 'insufficient_scope' },
    });
    await owner('PATCH', `/roles/${role}`, { description: 'Third' });
    expect(await putBack(event.id)).toMatchObject({
      status: 412,
      body: { current: { description: 'Third', permissions: [] } },
    });
    await owner('DELETE', `/roles/${role}`);
    expect(await putBack(event.id)).toMatchObject({ status: 404, body: { code: 'role_not_found' } });
  });

  it('never applies to credentials, addresses and deleted records', async () => {
    const { id } = await provider.createClient();
    await owner('PATCH', `/clients/${id}`, { token_endpoint_auth_method: 'client_secret_post' });
    const keys = await latest('client.updated');
    await owner('POST', `/clients/${id}/secrets`, {});
    const secret = await latest('client.secret_rotated');
    await owner('DELETE', `/clients/${id}`);
    const gone = await latest('client.deleted');
    const person = await provider.createPerson();
    await owner('PATCH', `/users/${person.id}`, { email: `${name()}@example.com` });
    const moved = await latest('user.updated');
    for (const event of [keys, secret, gone, moved])
      expect(await putBack(event.id)).toMatchObject({ status: 409, body: { code: 'not_reversible' } });
    expect(await putBack(randomUUID())).toMatchObject({ status: 404 });
    expect(await putBack('x')).toMatchObject({ status: 404 });
  });

  it('happens once for two parallel requests', async () => {
    const role = name();
    await owner('POST', '/roles', { name: role });
    await owner('PATCH', `/roles/${role}`, { description: 'Other' });
    const { id } = await latest('role.updated');
    const statuses = (await Promise.all(Array.from({ length: 5 }, () => putBack(id)))).map(
      ({ status }) => status,
    );
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 412, 412, 412, 412]);
  });
});
