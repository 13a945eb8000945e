import { beforeAll, describe, expect, it } from '@jest/globals';
import { readLetters } from '../account/support/mail.ts';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { post } from '../oidc/support/flow.ts';
import type { Client } from '../oidc/support/provider.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import { freePort } from '../support/ports.ts';
import {
  contractOf,
  type ContractServer,
  inOrder,
  startContractServer,
  STORES,
  visitorAt,
} from './support/server.ts';
import { rawSender } from './support/raw.ts';
import { flows, type Member, type Name, names } from './support/members.ts';

/** What ends all logins of an account, or a single one. */
const ENDINGS = ['logout', 'changePassword', 'suspend', 'remove'] as const;

const tokenOf = (link: string): string => new URL(link, 'http://x').searchParams.get('token') ?? '';

describe.each(STORES)('contracts on two nodes with %s', (stores) => {
  let server: ContractServer;
  let second: Postern;
  let gatekeeper: Client;
  let admin: Member;

  beforeAll(async () => {
    server = await startContractServer({ stores });
    // A second node with the same issuer on another port.
    second = await startPostern({ env: { ...server.postern.env, PORT: String(await freePort()) } });
    gatekeeper = await server.createClient({
      grant_types: ['client_credentials'],
      apis: names.map((name) => `${server.url}/contracts/${name}`),
    });
    admin = await flows.gateway.join(server.visitor('gateway'));
  });

  const nodes = () => [server.url, `http://localhost:${second.port}`];

  /** Checks a token at each node: at its contract, at introspection, and at the gateway's validate. */
  async function expectStatus(name: Name, { token, refreshToken }: Member, status: 200 | 401): Promise<void> {
    for (const url of nodes()) {
      const visitor = visitorAt(name, `${url}/contracts/${name}`, server.apiKey);
      await flows[name].use?.(visitor, token, status);
      const { body } = await post({ url }, 'introspect', gatekeeper, { token });
      expect(body['active']).toBe(status === 200);
      if (name === 'gateway')
        await visitor.call('validate', { body: { token } }, { status: 200, body: { valid: status === 200 } });
    }
    if (status === 401 && flows[name].refresh)
      for (const url of nodes()) {
        const visitor = visitorAt(name, `${url}/contracts/${name}`, server.apiKey);
        await flows[name].refresh?.(visitor, refreshToken, 401);
      }
  }

  async function end(name: Name, member: Member, ending: (typeof ENDINGS)[number]): Promise<boolean> {
    const visitor = server.visitor(name);
    if (ending === 'suspend') {
      const { code } = await runCli(['user', 'suspend', member.email], { env: server.postern.env });
      expect(code).toBe(0);
      return true;
    }
    if (ending === 'changePassword')
      return !!(await flows[name].changePassword?.(visitor, member, newPerson().password));
    return !!(await flows[name][ending]?.(visitor, member));
  }

  describe.each(names)('at %s', (name) => {
    it.each(ENDINGS.filter((ending) => ending === 'suspend' || ending in flows[name]))(
      'a token is ended at once on both nodes by %s',
      async (ending) => {
        const member = await flows[name].join(server.visitor(name));
        await expectStatus(name, member, 200);
        expect(await end(name, member, ending)).toBe(true);
        await expectStatus(name, member, 401);
      },
    );

    if ('logout' in flows[name])
      it('a logout ends no other login', async () => {
        const visitor = server.visitor(name);
        const member = await flows[name].join(visitor);
        const again = await flows[name].login(visitor, member, 200);
        await flows[name].logout?.(visitor, member);
        await flows[name].use?.(visitor, again.text(flows[name].tokenIn), 200);
      });
  });

  it('a change of the account at one contract ends its tokens from the others', async () => {
    const member = await flows.flask.join(server.visitor('flask'));
    const others: [Name, Member][] = [];
    for (const name of ['cookie', 'gateway', 'ppl'] as const) {
      const login = await flows[name].login(server.visitor(name), member, 200);
      others.push([name, { ...member, token: login.text(flows[name].tokenIn) }]);
    }
    await flows.flask.changePassword?.(server.visitor('flask'), member, newPerson().password);
    for (const [name, { token }] of others)
      for (const url of nodes())
        await flows[name].use?.(visitorAt(name, `${url}/contracts/${name}`, undefined), token, 401);
  });

  it('a change of the password leaves no valid token to parallel logins', async () => {
    const contract = contractOf('gateway');
    const send = rawSender(server.postern.port, contract);
    const post = (path: string, body: object, token = '') =>
      send({
        method: path === '/change-password' ? 'PUT' : 'POST',
        path: `/api/v1/auth${path}`,
        headers: { 'Content-Type': 'application/json', 'Authorization': `Bearer ${token}` },
        body: JSON.stringify(body),
      });
    for (let round = 0; round < 10; round += 1) {
      const { username, password, token } = await flows.gateway.join(server.visitor('gateway'));
      const change = { currentPassword: password, newPassword: newPerson().password };
      const [changed, ...logins] = await Promise.all([
        post('/change-password', change, token),
        ...Array.from({ length: 8 }, () => post('/login', { username, password })),
      ]);
      expect({ status: changed.status, text: changed.text }).toEqual({
        status: 200,
        text: expect.any(String),
      });
      for (const login of logins.filter(({ status }) => status === 200)) {
        const { accessToken, refreshToken } = JSON.parse(login.text) as Record<string, string>;
        await flows.gateway.use?.(server.visitor('gateway'), accessToken!, 401);
        await flows.gateway.refresh?.(server.visitor('gateway'), refreshToken!, 401);
      }
    }
  });

  it('a mailed token verifies an address once', async () => {
    const { email } = await flows.gateway.join(server.visitor('gateway'));
    const token = tokenOf(await readLetters(server.postern).link(email, '/verify-email'));
    expect((await server.operator.accounts.findByEmail(email))?.emailVerifiedAt).toBeNull();
    await server.visitor('gateway').call('verifyEmail', { params: { token } }, { status: 200 });
    expect((await server.operator.accounts.findByEmail(email))?.emailVerifiedAt).toBeInstanceOf(Date);
    await server.visitor('gateway').call('verifyEmail', { params: { token } }, { status: 400 });
  });

  it('a password reset with the mailed token ends the tokens of `gateway`', async () => {
    // The reset itself is tested in test/domain. Here it is called through the contract.
    const { token, email } = await flows.gateway.join(server.visitor('gateway'));
    const visitor = server.visitor('gateway');
    await visitor.call('passwordReset', { body: { email } }, { status: 200 });
    const letters = readLetters(server.postern);
    await letters.link(email, '/verify-email');
    const mailed = tokenOf(await letters.link(email, '/reset-password'));
    const newPassword = newPerson().password;
    const body = { token: mailed, newPassword: 'short' };
    await visitor.call('passwordResetConfirm', { body }, { status: 400 });
    await expectStatus('gateway', { ...admin, token, refreshToken: '' }, 200);
    await visitor.call('passwordResetConfirm', { body: { ...body, newPassword } }, { status: 200 });
    for (const url of nodes())
      await flows.gateway.use?.(
        visitorAt('gateway', `${url}/contracts/gateway`, undefined, inOrder('gateway')),
        token,
        401,
      );
    await visitor.call('passwordResetConfirm', { body: { ...body, newPassword } }, { status: 400 });
  });
});
