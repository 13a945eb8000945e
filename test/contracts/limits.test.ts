import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, newPerson, type Visitor } from '../../src/http/contracts/conformance.ts';
import { freePort } from '../support/ports.ts';
import { startPostern } from '../support/postern.ts';
import {
  createKey,
  type ContractServer,
  inOrder,
  startContractServer,
  STORES,
  visitorAt,
} from './support/server.ts';
import { flows, type Name, names } from './support/members.ts';

const LIMIT = { requests: 5, window: 3600 };

/** `"ordinary";r=4;t=3600` */
function limitOf({ headers }: Answer): { policy: string | null; left: number; seconds: number } {
  const [, left, seconds] = /^"\w+";r=(\d+);t=(\d+)$/.exec(headers.get('RateLimit') ?? '') ?? [];
  return { policy: headers.get('RateLimit-Policy'), left: Number(left), seconds: Number(seconds) };
}

/** The body of a refused request at each contract. */
const REFUSALS: Record<Name, object> = {
  keyed: { error: { code: 'rate_limited', details: {} } },
  cookie: { error: { code: 'RATE_LIMIT_EXCEEDED', message: 'Rate limit exceeded' } },
  flask: { error: { code: 'rate_limited', details: {} } },
  gateway: { status: 429 },
  ppl: { detail: expect.any(String) },
};

describe.each(STORES)('on %s, contract requests are limited', (stores) => {
  let server: ContractServer;
  let nodes: string[];
  beforeAll(async () => {
    server = await startContractServer({
      stores,
      settings: { http: { trustedProxies: ['127.0.0.1', '::1'] } },
      contracts: { limits: { credentials: LIMIT, ordinary: LIMIT, program: LIMIT } },
    });
    const second = await startPostern({ env: { ...server.postern.env, PORT: String(await freePort()) } });
    nodes = [server.url, `http://localhost:${second.port}`];
  });

  /** A visitor from `address`, through both nodes in turn. */
  function visitorFrom(name: Name, address: string, turn = 0): Visitor {
    const send = inOrder(name);
    return visitorAt(name, `${nodes[turn % 2]}/contracts/${name}`, server.apiKey, (request) =>
      send({ ...request, headers: { ...request.headers, 'X-Forwarded-For': address } }),
    );
  }

  it.each(names.filter((name) => name !== 'keyed'))(
    'by source address where secrets are tried, across all nodes: %s',
    async (name) => {
      const { login } = flows[name];
      for (let turn = 0; turn < LIMIT.requests; turn += 1) {
        const answer = await login(visitorFrom(name, '192.0.2.1', turn), newPerson(), 401);
        const { policy, left, seconds } = limitOf(answer);
        expect({ policy, left }).toEqual({ policy: '"credentials";q=5;w=3600', left: 4 - turn });
        expect(seconds > 3000 && seconds <= 3600).toBe(true);
      }
      for (const turn of [0, 1]) {
        const answer = await login(visitorFrom(name, '192.0.2.1', turn), newPerson(), 429);
        expect(limitOf(answer).left).toBe(0);
        expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(3000);
        expect(answer.body).toMatchObject(REFUSALS[name]);
      }
      await login(visitorFrom(name, '192.0.2.2'), newPerson(), 401);
    },
  );

  it('by /64 for IPv6 addresses', async () => {
    for (let turn = 0; turn < LIMIT.requests; turn += 1)
      await flows.ppl.login(visitorFrom('ppl', `2001:db8:0:1::${turn + 1}`, turn), newPerson(), 401);
    await flows.ppl.login(visitorFrom('ppl', '2001:db8:0:1:ffff::1'), newPerson(), 429);
    await flows.ppl.login(visitorFrom('ppl', '2001:db8:0:2::1'), newPerson(), 401);
  });

  it.each(['/sign-in', '/register', '/forgot-password', '/reset-password', '/interaction/none/sign-in'])(
    'by source address before a form body is read: %s',
    async (page) => {
      const post = (address: string, turn: number) =>
        fetch(`${nodes[turn % 2]}${page}`, {
          method: 'POST',
          headers: { 'X-Forwarded-For': address, 'Content-Type': 'text/plain' },
          body: 'no form',
        });
      const address = `192.0.2.${100 + page.length}`;
      for (let turn = 0; turn < LIMIT.requests; turn += 1)
        expect((await post(address, turn)).status).toBe(400);
      for (const turn of [0, 1]) {
        const refused = await post(address, turn);
        expect(refused.status).toBe(429);
        expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(3000);
        expect(await refused.text()).toContain('Too many requests');
      }
      expect((await post('192.0.2.99', 0)).status).toBe(400);
    },
  );

  it('by account, whatever the source address', async () => {
    const { join, use } = flows.cookie;
    const [one, other] = [
      await join(visitorFrom('cookie', '192.0.2.11')),
      await join(visitorFrom('cookie', '192.0.2.12')),
    ];
    for (let turn = 0; turn < LIMIT.requests; turn += 1) {
      const answer = await use!(visitorFrom('cookie', `192.0.2.${20 + turn}`, turn), one.token, 200);
      expect(limitOf(answer)).toMatchObject({ policy: '"ordinary";q=5;w=3600', left: 4 - turn });
    }
    for (const turn of [0, 1]) {
      const answer = await use!(visitorFrom('cookie', `192.0.2.${30 + turn}`, turn), one.token, 429);
      expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/);
      expect(answer.body).toMatchObject(REFUSALS.cookie);
    }
    await use!(visitorFrom('cookie', '192.0.2.20'), other.token, 200);
  });

  it('by API key', async () => {
    const [apiKey, other] = [await createKey(server), await createKey(server)];
    const params = { user_id: 'nobody' };
    for (let turn = 0; turn < LIMIT.requests; turn += 1) {
      const visitor = visitorFrom('keyed', '192.0.2.40', turn);
      const answer = await visitor.call('getUser', { params, apiKey }, { status: 404 });
      expect(limitOf(answer)).toMatchObject({ policy: '"program";q=5;w=3600', left: 4 - turn });
    }
    for (const turn of [0, 1]) {
      const visitor = visitorFrom('keyed', '192.0.2.40', turn);
      const answer = await visitor.call('getUser', { params, apiKey }, { status: 429 });
      expect(answer.body).toMatchObject(REFUSALS.keyed);
    }
    await visitorFrom('keyed', '192.0.2.40').call('getUser', { params, apiKey: other }, { status: 404 });
  });

  it('except at validate and at health checks', async () => {
    for (let turn = 0; turn < 2 * LIMIT.requests; turn += 1) {
      const gateway = visitorFrom('gateway', '192.0.2.50', turn);
      const answer = await gateway.call('validate', { body: { token: '' } }, { status: 200 });
      expect(answer.headers.get('RateLimit')).toBeNull();
      await gateway.call('health', {}, { status: 200 });
      await visitorFrom('cookie', '192.0.2.50', turn).call('health', {}, { status: 200 });
      await visitorFrom('ppl', '192.0.2.50', turn).call('ready', {}, { status: 200 });
    }
  });

  it('unless they are unreadable and so try no secret', async () => {
    for (let turn = 0; turn < 2 * LIMIT.requests; turn += 1)
      await visitorFrom('ppl', '192.0.2.60', turn).call('login', { body: {} }, { status: 400 });
    await flows.ppl.login(visitorFrom('ppl', '192.0.2.60'), newPerson(), 401);
  });
});
