import { beforeAll, describe, expect, it } from '@jest/globals';
import { readLetters } from '../account/support/mail.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { systemActor } from '../../src/core/actor.ts';
import { newPerson, type Sent } from '../../src/http/contracts/conformance.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import { freePort } from '../support/ports.ts';
import { contractOf, type ContractServer, startContractServer, visitorAt } from './support/server.ts';
import { flows, type Member } from './support/members.ts';

const UNKNOWN_USER = { user_id: '7c3c6d5c-0000-4000-8000-000000000000' };

describe('API keys at the contracts', () => {
  let server: ContractServer;
  let second: Postern;
  beforeAll(async () => {
    server = await startContractServer();
    second = await startPostern({ env: { ...server.postern.env, PORT: String(await freePort()) } });
  });
  const cli = async (...args: string[]) => runCli(args, { env: server.postern.env });
  const json = async (...args: string[]) =>
    JSON.parse((await cli(...args, '--json')).stdout) as Record<string, unknown> & {
      api_key: string;
      id: string;
    };
  const use = (apiKey: string, status: number) =>
    server.visitor('keyed').call('getUser', { apiKey, params: UNKNOWN_USER }, { status });

  it('are printed alone on the last line, and stored as a hash', async () => {
    const { code, stdout } = await cli('api-key', 'create', '--name', 'ci');
    const key = stdout.trimEnd().split('\n').at(-1)!;
    expect({ code, key }).toEqual({ code: 0, key: expect.stringMatching(/^ptn_[\w-]{51}$/) });
    await use(key, 404);
    const rows = await server.sql('select * from api_keys where name = $1', ['ci']);
    expect(rows).toMatchObject([
      { prefix: key.slice(0, 12), permissions: ['users:read', 'users:write', 'auth:login'] },
    ]);
    expect(JSON.stringify(rows)).not.toContain(key);
    const dump = JSON.stringify(await server.sql('select * from audit_events'));
    expect(dump).not.toContain(key);
    expect((await cli('api-key', 'list')).stdout).not.toContain(key);
  });

  it('are invalid on every node as soon as they are revoked', async () => {
    const { api_key: key, id } = await json('api-key', 'create', '--name', 'gone');
    const other = visitorAt('keyed', `http://localhost:${second.port}/contracts/keyed`, key);
    await use(key, 404);
    await other.call('getUser', { params: UNKNOWN_USER }, { status: 404 });
    expect((await cli('api-key', 'revoke', id)).code).toBe(0);
    await use(key, 401);
    await other.call('getUser', { params: UNKNOWN_USER }, { status: 401 });
    const again = await cli('api-key', 'revoke', id);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('API key not found') });
    const types = await server.sql(`select type from audit_events where details->>'id' = $1 order by at`, [
      id,
    ]);
    expect(types).toEqual([{ type: 'api_key.created' }, { type: 'api_key.revoked' }]);
  });

  it('are invalid once they have expired', async () => {
    const { api_key: key, expires_at: expiresAt } = await json(
      'api-key',
      'create',
      '--name',
      'short',
      '--expires-in',
      '90d',
    );
    expect(Math.round((Date.parse(String(expiresAt)) - Date.now()) / 86_400_000)).toBe(90);
    await use(key, 404);
    await server.sql(`update api_keys set expires_at = now() - interval '1 second' where name = 'short'`);
    await use(key, 401);
  });

  it('have the time of their last use', async () => {
    const { api_key: key, id } = await json('api-key', 'create', '--name', 'used');
    const lastUse = async () => {
      const { api_keys: keys } = (await json('api-key', 'list')) as unknown as {
        api_keys: Record<string, unknown>[];
      };
      return keys.find((one) => one['id'] === id)?.['last_used_at'];
    };
    expect(await lastUse()).toBeNull();
    const before = Date.now();
    await use(key, 404);
    const at = Date.parse(String(await lastUse()));
    // The database's clock and this process's clock differ by some milliseconds.
    expect(at).toBeGreaterThan(before - 1_000);
  });

  it('can do what they are permitted, and nothing else', async () => {
    const account = await flows.keyed.join(server.visitor('keyed'));
    const { username, password, params } = account;
    const tries: [permission: string, operation: string, sent: Sent, good: number][] = [
      ['users:write', 'createUser', { body: newPerson() }, 201],
      ['users:read', 'getUser', { params }, 200],
      ['users:write', 'updateUser', { params, body: {} }, 200],
      ['auth:login', 'login', { body: { username, password } }, 200],
      ['auth:login', 'refresh', { body: { refresh_token: account.refreshToken } }, 200],
      ['users:write', 'deleteUser', { params }, 204],
    ];
    expect(tries.map(([, operation]) => operation).sort()).toEqual(
      contractOf('keyed')
        .operations.map(({ id }) => id)
        .sort(),
    );
    for (const permission of ['users:read', 'users:write', 'auth:login']) {
      const { api_key: apiKey } = await json(
        'api-key',
        'create',
        '--name',
        permission,
        '--permission',
        permission,
      );
      for (const [needed, operation, sent, good] of tries) {
        const status = needed === permission ? good : 403;
        const details =
          status === 403 ? { body: { error: { code: 'forbidden', details: { reason: needed } } } } : {};
        // These operations fail the second time for other reasons.
        if (status === 403 || !['createUser', 'deleteUser'].includes(operation))
          await server.visitor('keyed').call(operation, { ...sent, apiKey }, { status, ...details });
      }
    }
  });

  it('reach no account of an operator, and neither do administrators of a contract', async () => {
    const { api_key: apiKey } = await json('api-key', 'create', '--name', 'helper');
    const [owner] = await server.sql("select id, number from users where 'owner' = any(roles)");
    const keyed = { apiKey, params: { user_id: String(owner?.['id']) } };
    const REFUSED = { status: 403 };
    const visitor = server.visitor('keyed');
    await visitor.call('updateUser', { ...keyed, body: { email: newPerson().email } }, REFUSED);
    await visitor.call('deleteUser', keyed, REFUSED);

    const flask = server.visitor('flask');
    const administrator = await flows.flask.join(flask);
    await server.sql("update users set roles = '{user,admin}' where email = $1", [administrator.email]);
    const other = await flows.flask.join(flask);
    const { token: bearer } = administrator;
    const ofOther = { bearer, params: other.params, body: { password: newPerson().password } };
    await flask.call('updateUser', ofOther, { status: 200 });
    const params = { user_id: String(owner?.['number']) };
    await flask.call('updateUser', { bearer, params, body: { password: newPerson().password } }, REFUSED);
    await flask.call('deleteUser', { bearer, params }, REFUSED);
  });

  it.each([
    [['api-key', 'create', '--name', ''], 1],
    [['api-key', 'create', '--name', 'x', '--permission', 'everything'], 1],
    [['api-key', 'create', '--name', 'x', '--permission', 'profile:read'], 1],
    [['api-key', 'create', '--name', 'x', '--expires-in', 'soon'], 2],
    [['api-key', 'create', '--name', 'x', '--expires-in', '0s'], 1],
    [['api-key', 'create'], 2],
    [['api-key', 'revoke', 'no-id'], 1],
  ])('are neither created nor revoked with %j', async (args, code) => {
    expect((await cli(...args)).code).toBe(code);
  });

  describe('of an account', () => {
    let member: Member;
    /** A member who has proven to own the address. */
    const joinProven = async (): Promise<Member> => {
      const joined = await flows.cookie.join(server.visitor('cookie'));
      const user = await server.operator.accounts.findByEmail(joined.email);
      await server.operator.accounts.update(user!.id, { emailVerified: true }, systemActor);
      return joined;
    };
    beforeAll(async () => {
      member = await joinProven();
    });
    const enter = async ({ email: identifier, password }: Member): Promise<UserAgent> => {
      const agent = new UserAgent(server.url);
      await agent.submit(await agent.open('/sign-in'), { identifier, password }, '/sign-in');
      return agent;
    };
    const create = (body: object, status = 201) =>
      server.visitor('cookie').call('createApiKey', { bearer: member.token, body }, { status });
    const me = (apiKey: string, status: number) =>
      server.visitor('cookie').call('me', { apiKey }, { status });

    it('cannot be created before the address is confirmed', async () => {
      const { token: bearer } = await flows.cookie.join(server.visitor('cookie'));
      const refused = { code: 'AUTHORIZATION_ERROR', details: { reason: 'email_unverified' } };
      const expected = { status: 403, body: { error: refused } };
      await server.visitor('cookie').call('createApiKey', { bearer, body: { name: 'x' } }, expected);
    });

    it('are created, shown once, listed and revoked by their owner', async () => {
      const made = await create({ name: 'Laptop', expires_at: '2099-01-02T03:04:05.678901' });
      const [id, apiKey] = [made.text('id'), made.text('api_key')];
      expect(made.body).toMatchObject({
        name: 'Laptop',
        prefix: apiKey.slice(0, 12),
        expires_at: '2099-01-02T03:04:05.678000',
        last_used_at: null,
      });
      await me(apiKey, 200);
      const list = await server.visitor('cookie').call('listApiKeys', { apiKey }, { status: 200 });
      expect(list.body).toEqual([
        expect.objectContaining({ id, name: 'Laptop', last_used_at: expect.any(String) }),
      ]);
      expect(JSON.stringify(list.body)).not.toContain(apiKey);

      const stranger = await flows.cookie.join(server.visitor('cookie'));
      const revoke = (bearer: string, status: number) =>
        server.visitor('cookie').call('revokeApiKey', { bearer, params: { key_id: id } }, { status });
      await revoke(stranger.token, 404);
      await me(apiKey, 200);
      await revoke(member.token, 200);
      await me(apiKey, 401);
    });

    it('open that account at that contract, and nothing else', async () => {
      const apiKey = (await create({ name: 'x' })).text('api_key');
      const { id: user_id } = (await server.operator.accounts.findByEmail(member.email))!;
      for (const { id: operation } of contractOf('keyed').operations)
        await server
          .visitor('keyed')
          .call(
            operation,
            { apiKey, params: { user_id }, body: operation === 'getUser' ? undefined : {} },
            { status: 403 },
          );
      await server
        .visitor('cookie')
        .call('createApiKey', { apiKey, body: { name: 'more' } }, { status: 401 });
      await server.visitor('cookie').call('logout', { apiKey }, { status: 401 });
    });

    it('have no more permissions than requested', async () => {
      const apiKey = (await create({ name: 'x', permissions: ['profile:read'] })).text('api_key');
      await me(apiKey, 200);
      await server.visitor('cookie').call('listApiKeys', { apiKey }, { status: 403 });
      await create({ name: 'x', permissions: ['users:write'] }, 400);
    });

    it('are refused with an invalid name, expiry or list of permissions', async () => {
      for (const wish of [
        { name: '' },
        { name: 'x'.repeat(201) },
        { name: 'x', expires_at: '2001-01-01T00:00:00' },
        { name: 'x', expires_at: 'soon' },
        { name: 'x', permissions: 'all' },
      ])
        await create(wish, 400);
    });

    it('are listed and revoked on the account pages by their owner alone', async () => {
      const apiKey = (await create({ name: 'Nightly <b>script</b>' })).text('api_key');
      const agent = await enter(member);
      const page = await agent.open('/account/apps');
      expect(page.html).toContain('Nightly &lt;b&gt;script&lt;/b&gt;');
      expect(page.html).toContain(apiKey.slice(0, 12));
      expect(page.html).not.toContain(apiKey);
      const [, path = ''] = /action="(\/account\/api-keys\/[^"]+)"/.exec(page.html) ?? [];
      const other = await enter(await flows.cookie.join(server.visitor('cookie')));
      const form = await other.open('/account/profile');
      const posted = (who: UserAgent, html: string) =>
        fetch(`${server.url}${path}`, {
          method: 'POST',
          redirect: 'manual',
          headers: { cookie: who.cookies(path), origin: server.url },
          body: new URLSearchParams({ csrf: /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '' }),
        });
      expect((await posted(other, form.html)).status).toBe(303);
      await me(apiKey, 200);
      const done = await agent.submit(page, {}, path);
      expect(done.html).toContain('The key is revoked');
      await me(apiKey, 401);
      // From a tab that still shows the key.
      expect((await agent.submit(page, {}, path)).html).toContain('The key is revoked');
    });

    it.each([
      [
        'a new password',
        async ({ email }: Member) => {
          const { id } = (await server.operator.accounts.findByEmail(email))!;
          await server.operator.accounts.setPassword(id, newPerson().password, systemActor);
        },
      ],
      [
        'a password reset',
        async ({ email }: Member) => {
          const agent = new UserAgent(server.url);
          await agent.submit(await agent.open('/forgot-password'), { identifier: email });
          const link = await readLetters(server.postern).link(
            email,
            '/reset-password',
            'Reset your password',
          );
          await agent.submit(await agent.open(link), { password: newPerson().password });
        },
      ],
      [
        'signing out everywhere else',
        async (owner: Member) => {
          const [agent, second] = [await enter(owner), await enter(owner)];
          await agent.submit(await agent.open('/account/sessions'), {}, '/end-others');
          expect((await second.open('/account')).url.pathname).toBe('/sign-in');
          await flows.cookie.use?.(server.visitor('cookie'), owner.token, 401);
          await flows.cookie.refresh?.(server.visitor('cookie'), owner.refreshToken, 401);
        },
      ],
    ])('are revoked by %s', async (_what, end) => {
      const owner = await joinProven();
      const body = { name: 'Laptop' };
      const made = await server
        .visitor('cookie')
        .call('createApiKey', { bearer: owner.token, body }, { status: 201 });
      await me(made.text('api_key'), 200);
      await end(owner);
      await me(made.text('api_key'), 401);
    });

    it('are deleted with the account', async () => {
      const apiKey = (await create({ name: 'last' })).text('api_key');
      await cli('user', 'suspend', member.email);
      await me(apiKey, 401);
      await cli('user', 'delete', member.email, '--yes');
      await me(apiKey, 401);
    });
  });

  it('of the operator are refused at `cookie`', async () => {
    await server.visitor('cookie').call('me', { apiKey: server.apiKey }, { status: 403 });
    await server.visitor('cookie').call('me', { apiKey: 'ptn_wrong' }, { status: 401 });
  });
});
