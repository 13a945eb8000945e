import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import instance from 'oidc-provider/lib/helpers/weak_cache.js';
import { DomainError } from '../../core/errors.ts';
import { sha256 } from '../../core/ids.ts';
import { sourceOf } from '../../domain/source.ts';
import type { Counters } from '../../storage/counters.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { orTooMany } from '../request-size.ts';
import type { Override } from './override.ts';

type Client = ExtraClientProperties & { clientId: string; clientAuthMethod: string };

/** Seconds. */
const WINDOW = 60;

/**
 * Counts a client's requests after it has authenticated, so nobody else uses up its limit. Anybody can claim to be a public
 * client, so those are counted by address.
 * @throws TooMany.
 */
async function countRequest(counters: Counters, ctx: KoaContextWithOIDC): Promise<void> {
  const client = ctx.oidc.client as unknown as Client;
  const { token_requests_per_minute: limit, clientId, clientAuthMethod } = client;
  if (limit === undefined) return;
  const source = clientAuthMethod === 'none' ? sourceOf(ctx.get('X-Forwarded-For')) : '';
  const { count, expiresIn } = await counters.add(`token:${sha256(`${clientId} ${source}`)}`, 1, WINDOW);
  if (count > limit)
    await orTooMany(Promise.reject(new DomainError('rate_limited', { retryAfter: expiresIn })));
}

function installTokenRate(provider: Provider, counters: Counters): void {
  const { grantTypeHandlers: handlers } = instance(provider);
  for (const [grant, handle] of handlers)
    handlers.set(grant, async (ctx) => {
      await countRequest(counters, ctx);
      await handle(ctx);
    });
}

export const tokenRate: Override<{ counters: Counters }> = {
  name: 'token-rate',
  why: 'the library has no hook between the authentication of a client and its grant',
  provenFor: '9.13.x',
  upstream: null,
  check(provider) {
    if (!instance(provider).grantTypeHandlers.has('authorization_code'))
      throw new Error('the handlers of grants are not there any more');
  },
  install: (provider, { counters }) => installTokenRate(provider, counters),
};
