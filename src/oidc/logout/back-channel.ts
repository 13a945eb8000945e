import type { Provider } from 'oidc-provider';
import { LOGOUT_TOPIC, type LogoutNotice } from '../../storage/logout-notices.ts';
import type { Logger } from '../../core/logger.ts';
import { createDispatcher, type Dispatcher, Refused } from '../../outbox/dispatcher.ts';
import type { Queue } from '../../storage/outbox.ts';
import type { Notifications } from '../../storage/postgres/notifications.ts';
import type { LiveProvider } from '../live-provider.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4), signed and encrypted like the client's ID tokens, valid
 * for two minutes.
 * @param jti the same for every attempt, so that a client recognizes a token it has accepted.
 */
export function logoutToken(
  { IdToken }: Provider,
  client: Client,
  { accountId, sid }: LogoutNotice,
  jti: string,
): Promise<string> {
  const token = new IdToken({ sub: accountId }, { client });
  // Only the subject is needed, in the client's form.
  Object.assign(token, { mask: { sub: null } });
  token.set('events', { [EVENT]: {} });
  token.set('jti', jti);
  if (client.backchannelLogoutSessionRequired) token.set('sid', sid);
  return token.issue({ use: 'logout' });
}

/** Concurrent requests per process. */
const CONCURRENCY = 10;

/** Timeout of one request in milliseconds. */
const SEND = 5_000;

/**
 * Posts logout tokens to clients (OpenID Connect Back-Channel Logout 1.0 section 2.5) until each has accepted its own. For an
 * unreachable client the wait grows with each attempt, for all its messages; other clients are not delayed.
 */
export function createLogoutDelivery({
  notices,
  live,
  fetch,
  notifications,
  logger,
}: {
  notices: Queue<LogoutNotice>;
  live: Pick<LiveProvider, 'current'>;
  /** Guarded fetch for client-supplied URLs. */
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  notifications: Pick<Notifications, 'subscribe'>;
  logger: Logger;
}): Dispatcher {
  return createDispatcher<LogoutNotice>({
    queue: notices,
    name: 'logout token',
    topic: LOGOUT_TOPIC,
    notifications,
    logger,
    concurrency: CONCURRENCY,
    timing: { send: SEND },
    async deliver({ id, content }, signal) {
      const notice = content();
      const provider = live.current;
      const client = await provider.Client.find(notice.clientId);
      if (!client?.backchannelLogoutUri)
        return { done: 'dropped', why: 'the client no longer accepts logout tokens' };
      const reply = await fetch(client.backchannelLogoutUri, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          logout_token: await logoutToken(provider, client, notice, id),
        }).toString(),
        redirect: 'manual',
        signal,
      });
      // Accept 204: some frameworks turn an empty 200 into it (section 2.8).
      if (reply.status === 200 || reply.status === 204) return { done: 'sent', kind: notice.clientId };
      const problem = `the client answered ${reply.status}`;
      throw reply.status >= 500 || reply.status === 429 ? new Error(problem) : new Refused(problem);
    },
  });
}
