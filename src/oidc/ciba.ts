import { type Configuration, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { DomainError } from '../core/errors.ts';
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { BackchannelRequest, BackchannelRequests } from '../domain/backchannel-requests.ts';
import { createDispatcher, type Dispatcher } from '../outbox/dispatcher.ts';
import { type Ping, PING_TOPIC, type Pings } from '../storage/ciba-requests.ts';
import type { Notifications } from '../storage/postgres/notifications.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import { requestActor } from './actor.ts';
import { allow, requested } from './interactions/grants.ts';
import { type AcrValue, insistsOnUnknown, requestedAcr, satisfies } from './interactions/policy.ts';
import type { LiveProvider } from './live-provider.ts';
import type { OutboundFetch } from './outbound/fetch.ts';
import { type Override, shape } from './overrides/override.ts';
import { POLLING_INTERVAL } from './overrides/polling.ts';
import { orTooMany } from './request-size.ts';
import type { CurrentSession } from './sessions/browser-session.ts';

/** `over`: it has expired or was answered before. `weak`: the client wants a stronger login than the person's. */
export type Answered = 'done' | 'over' | 'weak';

interface AnswersDependencies {
  live: Pick<LiveProvider, 'current'>;
  requests: Pick<BackchannelRequests, 'waiting' | 'answer'>;
  pings: Pick<Pings, 'enqueue'>;
}

type Request = BackchannelRequest & { authReqId: string };
type Pending = InstanceType<Provider['BackchannelAuthenticationRequest']>;

/** People's answers to CIBA requests. */
export class BackchannelAnswers {
  readonly #deps: AnswersDependencies;

  constructor(dependencies: AnswersDependencies) {
    this.#deps = dependencies;
  }

  /** Requests that await the account's answer, oldest first. */
  waiting(accountId: string): Promise<BackchannelRequest[]> {
    return this.#deps.requests.waiting(accountId);
  }

  /** Approves: the client signs the person in with the login of the current session. */
  async approve(session: CurrentSession, id: string, actor: Actor): Promise<Answered> {
    const { accountId, acr, amr, authTime } = session;
    if (session.view) throw new DomainError('forbidden', { reason: 'viewing' });
    const waiting = (await this.waiting(accountId)).find((request) => request.id === id);
    if (!waiting) return 'over';
    if (waiting.acr !== null && !satisfies(acr, waiting.acr as AcrValue)) return 'weak';
    return this.#answer(accountId, id, 'approved', actor, async (provider, pending, { clientId, asked }) => {
      const grant = new provider.Grant({ accountId, clientId });
      allow(grant, asked);
      await grant.save();
      await provider.backchannelResult(pending, grant, { acr, amr, authTime });
    });
  }

  /** Denies: the client gets `access_denied` (CIBA Core section 11). */
  deny(accountId: string, id: string, actor: Actor): Promise<Answered> {
    return this.#answer(accountId, id, 'denied', actor, (provider, pending) =>
      provider.backchannelResult(pending, new errors.AccessDenied('the end-user denied the request')),
    );
  }

  async #answer(
    accountId: string,
    id: string,
    answer: 'approved' | 'denied',
    actor: Actor,
    write: (provider: Provider, pending: Pending, request: Request) => Promise<void>,
  ): Promise<Answered> {
    const { live, requests } = this.#deps;
    const provider = live.current;
    const done = await requests.answer(accountId, id, answer, actor, async (request) => {
      const pending = await provider.BackchannelAuthenticationRequest.find(request.authReqId);
      if (!pending) return null;
      return async (tx) => {
        await this.#announce(provider, pending, request, tx);
        await write(provider, pending, request);
      };
    });
    return done ? 'done' : 'over';
  }

  /** Queues a ping for a client that wants one (CIBA Core section 10.2). */
  async #announce(provider: Provider, pending: Pending, { clientId, authReqId, expiresAt }: Request, tx: Tx) {
    const client = await provider.Client.find(clientId);
    const token = pending.params?.['client_notification_token'];
    if (client?.backchannelTokenDeliveryMode !== 'ping' || typeof token !== 'string') return;
    await this.#deps.pings.enqueue({ clientId, authReqId, token, expiresAt: expiresAt.toISOString() }, tx);
  }
}

/** Concurrent requests per process. */
const CONCURRENCY = 10;

/** Timeout of one request in milliseconds. */
const SEND = 5_000;

/** Statuses of a client that may take the same ping later: request timeout, too early, too many requests. */
const LATER = new Set([408, 425, 429]);

/** The library would ping while the person waits, and only once. Instead the transaction that writes the answer queues a ping. */
function installPings(provider: Provider): void {
  Object.assign(provider.Client.prototype, { backchannelPing: async () => undefined });
}

/**
 * Tells clients that there is an answer (CIBA Core section 10.2). Retries until the client has accepted or refused the ping, or
 * the request has expired.
 */
export function createPingDelivery({
  pings,
  live,
  fetch,
  clock,
  notifications,
  logger,
}: Pick<Stores, 'pings'> & {
  live: Pick<LiveProvider, 'current'>;
  /** Guarded fetch for client-supplied URLs. */
  fetch: OutboundFetch;
  clock: Clock;
  notifications: Pick<Notifications, 'subscribe'>;
  logger: Logger;
}): Dispatcher {
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
      if (endpoint === undefined) return { done: 'dropped', why: 'the client no longer accepts pings' };
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

type Feature = NonNullable<NonNullable<Configuration['features']>['ciba']>;

/**
 * Characters allowed in a binding message (CIBA Core section 7.1: short, plain): letters and digits of any script,
 * spaces, and punctuation that mail programs do not turn into links.
 */
const BINDING_MESSAGE = /^(?:[\p{L}\p{M}\p{N} #,;:+\-_!?()'"%€$£¥]|\.(?!\p{L})){1,64}$/u;

/** Only authenticated clients may send them, so public clients may not (CIBA Core section 7.1). */
function checkClient({ oidc }: KoaContextWithOIDC): void {
  if (oidc.client?.tokenEndpointAuthMethod === 'none')
    throw new errors.UnauthorizedClient('a public client may not use this');
}

/** The feature of the library. */
export function ciba({
  requests,
  clock,
}: {
  requests: Pick<BackchannelRequests, 'resolveHint' | 'admit' | 'ask'>;
  clock: Clock;
}): Feature {
  const clientIdOf = ({ oidc }: KoaContextWithOIDC): string => oidc.client?.clientId ?? '';
  return {
    enabled: true,
    deliveryModes: ['poll', 'ping'],
    validateRequestContext: checkClient,
    validateBindingMessage(_ctx, message) {
      if (message !== undefined && !BINDING_MESSAGE.test(message))
        throw new errors.InvalidBindingMessage(
          'binding_message must be 1 to 64 letters, digits, spaces and plain punctuation',
        );
    },
    processLoginHintToken() {
      throw new errors.InvalidRequest('login_hint_token is not supported; use login_hint or id_token_hint');
    },
    processLoginHint: (ctx, hint) => orTooMany(requests.resolveHint(hint ?? '', clientIdOf(ctx))),
    // There are no user codes to verify. The library calls this last, just before it stores the request.
    async verifyUserCode(ctx, account) {
      if (insistsOnUnknown(ctx))
        throw new errors.UnmetAuthenticationRequirements('the requested acr cannot be met');
      await orTooMany(requests.admit(account.accountId, clientIdOf(ctx)));
    },
    async triggerAuthenticationDevice(ctx, request, account, client) {
      const { clientId } = client;
      Object.assign(ctx.body as object, { interval: POLLING_INTERVAL });
      const bindingMessage = ctx.oidc.params?.['binding_message'];
      await requests.ask(
        {
          accountId: account.accountId,
          clientId,
          authReqId: request.jti,
          asked: requested(ctx),
          bindingMessage: typeof bindingMessage === 'string' ? bindingMessage : null,
          acr: requestedAcr(ctx) ?? null,
          expiresAt: new Date(clock.now() + request.expiration * 1000),
        },
        client.clientName ?? clientId,
        requestActor(ctx, 'client', clientId),
      );
    },
  };
}
