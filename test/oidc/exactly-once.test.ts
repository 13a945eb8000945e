import { beforeAll, describe, expect, it } from '@jest/globals';
import { startPostern } from '../support/postern.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from './support/device.ts';
import { assertion, ASSERTION_TYPE, newKeys, proof as proofBy } from './support/proofs.ts';
import { createService, redeem } from './support/assertions.ts';
import { approveLogin, askForLogin, pollLogin, POLL } from './support/ciba.ts';
import {
  atOnce,
  authorize,
  exchange,
  introspect,
  post,
  push,
  pushedUrl,
  refresh,
  signIn,
  userinfo,
} from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

/** A node of the provider: nodes share issuer and stores, and each has its own port. */
type Node = Pick<Provider, 'url'>;

/** The result of one attempt: an access token, or an OAuth error with its status. */
interface Try {
  status: number;
  error?: string | undefined;
  token?: string | undefined;
}

/** Something that works once: created anew, then tried at a node. */
interface Attempts {
  attempt(node: Node): Promise<Try>;
  /** Whether the issued token is still active, by default according to userinfo. */
  isActive?(token: string): Promise<unknown>;
}
type Prepare = () => Promise<Attempts>;

describe.each(STORES)('exactly once, on two nodes with %s:', (stores) => {
  let provider: Provider;
  let nodes: [Node, Node];
  let person: Person;
  let agent: UserAgent;
  let app: Client;
  let service: Client;
  beforeAll(async () => {
    provider = await startProvider({ stores });
    const { PORT: _port, ...env } = provider.postern.env;
    const [second, ...made] = await Promise.all([
      startPostern({ env }),
      provider.createPerson(),
      provider.createClient(),
      provider.createClient({ grant_types: ['client_credentials'] }),
    ]);
    [person, app, service] = made;
    nodes = [{ url: provider.url }, { url: `http://localhost:${second.port}` }];
    agent = new UserAgent(provider.url);
    await signIn(provider, app, person, { agent });
  });

  const inShort = ({ status, body }: { status: number; body: object }): Try => {
    const { error, access_token: token } = body as { error?: string; access_token?: string };
    return { status, error, token };
  };

  /**
   * Twenty parallel attempts, ten at each node, of which one succeeds. @returns its token, and one more
   * attempt.
   */
  async function race(prepare: Prepare, lost: Try) {
    const byUserinfo = async (token: string) => (await userinfo(provider, token)).status === 200;
    const { attempt, isActive = byUserinfo } = await prepare();
    const tries = await atOnce(20, (index) => attempt(nodes[index % 2] ?? provider));
    const losers = tries.filter(({ status }) => status !== 200);
    expect(losers).toEqual(Array(19).fill(lost));
    const winner = tries.find(({ status }) => status === 200);
    const token = winner?.token ?? '';
    return { isActive: () => isActive(token), again: () => attempt(nodes[1]) };
  }

  const code: Prepare = async () => {
    const value = (await authorize(provider, agent, app, person)).get('code') ?? '';
    return { attempt: async (node) => inShort(await exchange(node, app, value)) };
  };

  const pushed: Prepare = async () => {
    const uri = await push(provider, app);
    const attempt = async (node: Node): Promise<Try> => {
      const { leftFor, html } = await agent.open(pushedUrl(node, app, uri));
      if (leftFor?.searchParams.has('code')) return { status: 200 };
      // A moment later the error goes to the client, still later it is on a page.
      const error = leftFor?.searchParams.get('error') ?? /invalid_\w+/.exec(html)?.[0];
      return { status: 400, error };
    };
    return { attempt };
  };

  const deviceCode: Prepare = async () => {
    const device = await provider.createClient(DEVICE, { isPublic: true });
    const codes = await beginDevice(provider, device);
    await approveDevice(provider, person, codes.user_code);
    return { attempt: async (node) => inShort(await pollDevice(node, device, codes.device_code)) };
  };

  const loginRequest: Prepare = async () => {
    const [client, someone] = await Promise.all([provider.createClient(POLL), provider.createPerson()]);
    const { body } = await askForLogin(provider, client, { login_hint: someone.email });
    await approveLogin(provider, someone);
    return { attempt: async (node) => inShort(await pollLogin(node, client, body.auth_req_id)) };
  };

  const clientAssertion: Prepare = async () => {
    const keys = await newKeys();
    const { id } = await provider.createClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [keys.publicJwk] },
    });
    const client = { id, secret: '', redirectUri: '' };
    const proven = async () => ({
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await assertion(provider, id, keys),
    });
    const parameters = { grant_type: 'client_credentials', ...(await proven()) };
    return {
      attempt: async (node) => inShort(await post(node, 'token', client, parameters)),
      isActive: async (token) =>
        (await post(provider, 'introspect', client, { token, ...(await proven()) })).body['active'],
    };
  };

  const grantAssertion: Prepare = async () => {
    const keys = await newKeys();
    const account = await createService(provider, { jwks: { keys: [keys.publicJwk] } });
    const signed = await assertion(provider, account.id, keys);
    return {
      attempt: async (node) => inShort(await redeem(node, account, signed)),
      isActive: async (token) => (await introspect(provider, account, token)).body['active'],
    };
  };

  const proof: Prepare = async () => {
    const DPoP = await proofBy(provider, await newKeys());
    return {
      attempt: async (node) =>
        inShort(await post(node, 'token', service, { grant_type: 'client_credentials' }, { DPoP })),
      isActive: async (token) => (await introspect(provider, service, token)).body['active'],
    };
  };

  it.each<[string, Prepare, Try]>([
    ['a code', code, { status: 400, error: 'invalid_grant' }],
    ['a device code', deviceCode, { status: 400, error: 'invalid_grant' }],
    ['an auth_req_id', loginRequest, { status: 400, error: 'invalid_grant' }],
    ['the jti of an assertion as grant', grantAssertion, { status: 400, error: 'invalid_grant' }],
    ['the jti of a client assertion', clientAssertion, { status: 401, error: 'invalid_client' }],
    ['the jti of a DPoP proof', proof, { status: 400, error: 'invalid_dpop_proof' }],
  ])(
    '%s issues a token to one of twenty parallel attempts, and that token stays valid',
    async (_what, prepare, lost) => {
      const { isActive, again } = await race(prepare, lost);
      expect(await isActive()).toBe(true);
      expect(await again()).toEqual(lost);
    },
  );

  it('a pushed authorization request issues a code to one of twenty parallel attempts', async () => {
    const lost = { status: 400, error: 'invalid_request_uri' };
    const { again } = await race(pushed, lost);
    expect(await again()).toEqual(lost);
  });

  it('a refresh token has one successor during the grace period, whichever node twenty tabs ask', async () => {
    const { refresh_token: token } = await signIn(provider, app, person, { agent });
    const replies = await atOnce(20, (index) => refresh(nodes[index % 2] ?? provider, app, token));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const successors = new Set(replies.map(({ body }) => body.refresh_token));
    expect(successors.size).toBe(1);
    const [successor = ''] = successors;
    expect(await refresh(provider, app, successor)).toMatchObject({ status: 200 });
    for (const { body } of replies)
      expect(await userinfo(provider, body.access_token)).toMatchObject({ status: 200 });
  });
});
