/** Keys of an old service, and tokens signed with them. */
import { createServer, type ServerResponse } from 'node:http';
import { type OldKey, oldTokensOf } from '../../../src/config/legacy.ts';
import { createOldTokens } from '../../../src/domain/old-tokens.ts';
import { createOutboundFetch } from '../../../src/oidc/outbound/fetch.ts';
import type { ContractServer } from '../../contracts/support/server.ts';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';

/** The old tokens of the contract `ppl` on real stores, with keys from the configuration. */
export async function openDoor(
  { operator }: ContractServer,
  keys: OldKey[],
  { allow = ['127.0.0.1'], until = '2099-12-31' } = {},
) {
  const clock = { time: Date.now(), now: () => clock.time };
  const { oldTokens: configured } = oldTokensOf(
    { ppl: { oldTokens: { issuer: 'old', account: { source_id: 'sub' }, keys, until } } },
    process.env,
    clock.time,
  );
  const tokens = createOldTokens({
    settings: configured,
    store: operator.stores.oldTokens,
    users: operator.stores.users,
    bringOver: () => Promise.resolve(false),
    clock,
    logger: operator.logger,
    fetch: createOutboundFetch({ ...operator.config.outbound, allow }),
  });
  return { tokens, clock };
}

/** A JWKS server whose reply the test chooses. */
export async function serveKeys() {
  const state: { answer: (response: ServerResponse) => unknown; asked: number } = {
    answer: (response) => response.end('{}'),
    asked: 0,
  };
  const port = await freePort();
  const jwks = createServer((_request, response) => {
    state.asked += 1;
    response.setHeader('Content-Type', 'application/json');
    state.answer(response);
  });
  await listenUntilEnd(jwks, port, '127.0.0.1');
  return Object.assign(state, { jwksUrl: `http://127.0.0.1:${port}/jwks.json` });
}
