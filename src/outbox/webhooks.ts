import type { Clock } from '../core/clock.ts';
import { epochSeconds } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { webhookHeaders } from '../core/standard-webhooks.ts';
import type { Notifications } from '../storage/postgres/notifications.ts';
import { WEBHOOK_TOPIC } from '../storage/event-catalogue.ts';
import type { Outcome, Taken, WebhookQueue, WebhookRecord } from '../storage/webhooks.ts';
import { backoff, type Dispatcher, GIVE_UP_AFTER } from './dispatcher.ts';
import { Workers } from './workers.ts';

/** Maximum endpoints that one process sends to concurrently: as many as can exist, so that none waits for another. */
const LANES = 100;

/** Maximum concurrent deliveries to an endpoint; only one while it fails. */
const BATCH = 4;

/** Milliseconds between two polls for deliveries that are due again. */
const POLL = 1_000;

/** Seconds that an endpoint is claimed by one node: longer than an attempt may take. */
const LEASE = 40;

/** Consecutive failures after which the whole endpoint is paused, not only the single delivery. */
const PATIENCE = 5;

/** Maximum seconds that a receiver can make us wait. */
const MAX_WAIT = 86_400;

/** Milliseconds that `stop` waits for attempts under way. */
const GRACE = 10_000;

/** Body of a message: the exact bytes that are signed and sent. */
export const bodyOf = ({ type, at, data }: Pick<Taken, 'type' | 'at' | 'data'>): string =>
  JSON.stringify({ type, timestamp: at.toISOString(), data });

/** Seconds that `Retry-After` asks for (RFC 9110 section 10.2.3); undefined without it. */
function retryAfter(reply: Response, clock: Clock): number | null {
  const value = reply.headers.get('retry-after') ?? '';
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : (Date.parse(value) - clock.now()) / 1000;
  return Number.isNaN(seconds) ? null : Math.min(Math.max(0, Math.ceil(seconds)), MAX_WAIT);
}

const MESSAGES: Record<string, string> = { TimeoutError: 'no answer in time', AbortError: 'broken off' };

/** Describes why there was no response, in our own or the system's words. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return (MESSAGES[error.name] ?? cause?.code ?? cause?.message ?? error.message).slice(0, 200);
}

/** Secrets to sign with: the former one too, until it expires. */
const secretsOf = ({ secret, formerSecret, formerSecretExpiresAt }: WebhookRecord, clock: Clock): string[] =>
  formerSecret !== null && formerSecretExpiresAt !== null && formerSecretExpiresAt.getTime() > clock.now()
    ? [secret, formerSecret]
    : [secret];

/** An attempt, and how long to pause the endpoint in seconds: as it requested, and if no other delivery succeeds. */
interface Attempted extends Outcome {
  asked: number;
  rest: number;
}

const GONE = 410;

/** Delivers events to the operators' webhook endpoints, each on its own: a slow one delays no other. */
export function createWebhookDelivery(dependencies: {
  queue: WebhookQueue;
  /** Fetches public addresses only; returns redirects as they are, and leaves response bodies unread. */
  fetch: typeof globalThis.fetch;
  /** Disables an endpoint that is gone, or has failed for three days, and notifies the operators. */
  disable(id: string, reason: 'gone' | 'failing'): Promise<void>;
  clock: Clock;
  notifications: Pick<Notifications, 'subscribe'>;
  logger: Logger;
}): Dispatcher {
  const { queue, fetch, disable, clock, notifications, logger } = dependencies;
  const stopping = new AbortController();

  async function attempt(webhook: WebhookRecord, delivery: Taken): Promise<Attempted> {
    const body = bodyOf(delivery);
    const nothing = { wait: 0, error: null, asked: 0, rest: 0 };
    const failed = (error: string, responseStatus: number | null, after: number | null): Attempted => {
      const isOver = delivery.age > GIVE_UP_AFTER;
      const wait = Math.max(backoff(delivery.attempts, 'refusal'), after ?? 0);
      const inRow = webhook.failures + 1 - PATIENCE;
      const isHurried = responseStatus === 429;
      return {
        delivery,
        status: isOver ? 'failed' : 'waiting',
        wait,
        responseStatus,
        error,
        asked: after ?? (isHurried ? backoff(webhook.failures + 1, 'outage') : 0),
        rest: inRow > 0 ? backoff(inRow, 'outage') : 0,
      };
    };
    let reply: Response;
    try {
      const signed = { id: delivery.eventId, timestamp: epochSeconds(clock), body };
      reply = await fetch(webhook.url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Postern-Webhooks',
          ...webhookHeaders(secretsOf(webhook, clock), signed),
        },
        body,
        signal: stopping.signal,
      });
    } catch (error) {
      // Aborted by us: the next poll sends it again.
      if (stopping.signal.aborted) return { ...nothing, delivery, status: 'waiting', responseStatus: null };
      return failed(problemOf(error), null, null);
    }
    const { status } = reply;
    if (status >= 200 && status < 300)
      return { ...nothing, delivery, status: 'delivered', responseStatus: status };
    const isRedirect = status >= 300 && status < 400;
    const slower = status === 429 || status === 503 ? retryAfter(reply, clock) : null;
    return failed(
      isRedirect ? `redirects (${status}), which is not followed` : `answered ${status}`,
      status,
      slower,
    );
  }

  let turns: Promise<unknown> = Promise.resolve();

  /** One statement at a time, whatever the number of lanes: requests need the connections. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = turns.then(work);
    turns = turn.catch(() => undefined);
    return turn;
  }

  const next = async () => {
    const webhook = await queue.lease(LEASE);
    return webhook && { webhook, taken: await queue.take(webhook, webhook.failures > 0 ? 1 : BATCH, LEASE) };
  };

  const workers = new Workers(LANES, async (found) => {
    try {
      const leased = await inTurn(next);
      if (!leased) return false;
      found();
      const { webhook, taken } = leased;
      const outcomes = await Promise.all(taken.map((delivery) => attempt(webhook, delivery)));
      const isTaken = outcomes.some(({ status }) => status === 'delivered');
      const pauses = outcomes.map(({ asked, rest }) => Math.max(asked, isTaken ? 0 : rest));
      await inTurn(() => queue.settle(webhook, outcomes, Math.max(0, ...pauses)));
      for (const { delivery, status, responseStatus, error } of outcomes)
        if (error !== null)
          logger.info(
            {
              webhook: webhook.id,
              delivery: delivery.id,
              attempt: delivery.attempts,
              status: responseStatus,
              error,
            },
            status === 'failed' ? 'a webhook delivery was given up' : 'a webhook delivery failed; it waits',
          );
      const isDead =
        !isTaken && outcomes.some(({ status, delivery }) => status === 'failed' && !delivery.isOutlived);
      if (outcomes.some(({ responseStatus }) => responseStatus === GONE)) await disable(webhook.id, 'gone');
      else if (isDead) await disable(webhook.id, 'failing');
      return true;
    } catch (error) {
      // The store is unavailable; wait for the next poll.
      logger.warn({ err: error }, 'webhook deliveries could not be used');
      return false;
    }
  });

  let unsubscribe = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    start() {
      unsubscribe = notifications.subscribe(WEBHOOK_TOPIC, () => workers.call());
      timer = setInterval(() => workers.call(), POLL);
      timer.unref();
      workers.call();
    },
    async stop() {
      unsubscribe();
      clearInterval(timer);
      const grace = setTimeout(() => stopping.abort(), GRACE);
      await workers.stop();
      clearTimeout(grace);
    },
  };
}
