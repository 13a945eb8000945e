import type { Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { createDispatcher, type Dispatcher } from '../../outbox/dispatcher.ts';
import { PING_TOPIC, type Ping } from '../../storage/pings.ts';
import type { Queue } from '../../storage/outbox.ts';
import type { Notifications } from '../../storage/postgres/notifications.ts';
import type { LiveProvider } from '../live-provider.ts';
import type { OutboundFetch } from '../outbound/fetch.ts';
import { type Override, shape } from '../overrides/override.ts';

interface Dependencies {
  pings: Queue<Ping>;
  live: Pick<LiveProvider, 'current'>;
  /** Guarded fetch for client-supplied URLs. */
  fetch: OutboundFetch;
  clock: Clock;
  notifications: Pick<Notifications, 'subscribe'>;
  logger: Logger;
}

/** Concurrent requests per process. */
const CONCURRENCY = 10;

/** Timeout of one request in milliseconds. */
const SEND = 5_000;

/** Statuses of a client that may take the same ping later: request timeout, too early, too many requests. */
const LATER = new Set([408, 425, 429]);

/** The library would ping while the person waits, and once: the transaction that writes the answer leaves a ping instead. */
function installPings(provider: Provider): void {
  Object.assign(provider.Client.prototype, { backchannelPing: async () => undefined });
}

/**
 * Tells clients that there is an answer (CIBA Core section 10.2), again and again until they have heard, have refused, or
 * the request has expired.
 */
export function createPingDelivery({
  pings,
  live,
  fetch,
  clock,
  notifications,
  logger,
}: Dependencies): Dispatcher {
  return createDispatcher<Ping>({
    queue: pings,
    name: 'ping',
    topic: PING_TOPIC,
    notifications,
    logger,
    concurrency: CONCURRENCY,
    timing: { send: SEND },
    async deliver({ content }, signal) {
      const { clientId, authReqId, token, expiresAt } = content();
      if (Date.parse(expiresAt) <= clock.now()) return { done: 'dropped', why: 'the request has expired' };
      const client = await live.current.Client.find(clientId);
      const endpoint = client?.backchannelClientNotificationEndpoint;
      if (endpoint === undefined) return { done: 'dropped', why: 'the client takes no pings any more' };
      const reply = await fetch(endpoint, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'authorization': `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ auth_req_id: authReqId }),
        signal,
      });
      if (reply.status === 204 || reply.status === 200) return { done: 'sent', kind: clientId };
      const problem = `the client answered ${reply.status}`;
      if (reply.status >= 500 || LATER.has(reply.status)) throw new Error(problem);
      // A retry would get the same answer: the token or the address is wrong. Redirects are not followed.
      return { done: 'dropped', why: problem };
    },
  });
}

export const pings: Override<unknown> = {
  name: 'pings',
  why: 'the library pings a client once, while the person waits',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Client.prototype.backchannelPing'),
  install: installPings,
};
