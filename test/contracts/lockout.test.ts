import { beforeAll, describe, expect, it } from '@jest/globals';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { type ContractServer, inOrder, startContractServer, visitorAt } from './support/server.ts';
import { flows, type Name } from './support/members.ts';

/** Failures of one source on any account. */
const OF_SOURCE = 10;

describe('wrong passwords at the contracts', () => {
  let server: ContractServer;
  beforeAll(async () => {
    server = await startContractServer({
      settings: {
        http: { trustedProxies: ['127.0.0.1', '::1'] },
        lockout: { source: { attempts: OF_SOURCE }, account: { attempts: 20 } },
      },
    });
  });

  /** A visitor through the proxy, which names `address` as the client, or no client. */
  function visitorFrom(name: Name, address: string | null) {
    const send = inOrder(name);
    return visitorAt(name, `${server.url}/contracts/${name}`, server.apiKey, (request) =>
      send({
        ...request,
        headers: { ...request.headers, ...(address === null ? {} : { 'X-Forwarded-For': address }) },
      }),
    );
  }

  const spray = async (name: Name, address: string | null) => {
    for (let index = 0; index < OF_SOURCE + 5; index += 1)
      await flows[name].login(visitorFrom(name, address), newPerson(), 401);
  };

  it('through one program lock out neither its other users nor its address', async () => {
    const { join, login } = flows.keyed;
    const person = await join(visitorFrom('keyed', '192.0.2.1'));
    await spray('keyed', '192.0.2.1');
    await login(visitorFrom('keyed', '192.0.2.1'), person, 200);
    const neighbour = await flows.ppl.join(visitorFrom('ppl', '198.51.100.1'));
    await flows.ppl.login(visitorFrom('ppl', '192.0.2.1'), neighbour, 200);
  });

  it('through a proxy that names no client lock out nobody else behind it', async () => {
    const { join, login } = flows.ppl;
    const person = await join(visitorFrom('ppl', '198.51.100.2'));
    await spray('ppl', null);
    await login(visitorFrom('ppl', null), person, 200);
    expect(server.postern.output()).toContain('sends no X-Forwarded-For');
  });

  it('from one address lock out that address', async () => {
    const { join, login } = flows.ppl;
    const person = await join(visitorFrom('ppl', '198.51.100.3'));
    await spray('ppl', '192.0.2.4');
    await login(visitorFrom('ppl', '192.0.2.4'), person, 401);
    await login(visitorFrom('ppl', '192.0.2.5'), person, 200);
  });
});
