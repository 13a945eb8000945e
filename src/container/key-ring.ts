import type { Config } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Progress } from '../core/progress.ts';
import { KeyRing } from '../oidc/key-ring.ts';
import { MAX_ACCESS_TOKEN_TTL } from '../oidc/tokens/apis.ts';
import type { Stores } from '../storage/stores.ts';

/** The signing keys. Nodes learn of new ones by the topic `keys`. */
export function createKeyRing({
  config,
  stores,
  clock,
  progress,
}: {
  config: Pick<Config, 'keys' | 'tokens' | 'refresh' | 'session'>;
  stores: Pick<Stores, 'signingKeys' | 'audit' | 'inTransaction' | 'notifications'>;
  clock: Clock;
  progress: Progress;
}): KeyRing {
  const { keys, tokens, refresh, session } = config;
  const { signingKeys, audit, inTransaction, notifications } = stores;
  const { accessToken, idToken, clientCredentials } = tokens;
  return new KeyRing({
    store: signingKeys,
    inTransaction,
    audit,
    clock,
    lead: keys.lead,
    lifetime: keys.lifetime,
    longestToken: Math.max(MAX_ACCESS_TOKEN_TTL, accessToken, idToken, clientCredentials),
    // The longest lifetime of a login and its tokens.
    kept: Math.max(refresh.absolute, session.ttl, session.remembered),
    announce: (tx) => notifications.publish('keys', '', tx),
    progress,
  });
}
