import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../core/logger.ts';
import type { Claimed, Queue } from '../storage/outbox.ts';
import type { Notifications } from '../storage/postgres/notifications.ts';
import { Workers } from './workers.ts';

/** Seconds until an unsent message is given up: three days. */
export const GIVE_UP_AFTER = 3 * 86_400;

/** Maximum seconds between two attempts: while nothing can be sent, and for a message that is refused. */
const MAX_DELAY = { outage: 600, refusal: 43_200 };

/**
 * Computes the seconds until the next attempt: one after the first failure, then twice as long each time, with a
 * jitter of a quarter so that messages that failed together are not retried together. @param attempt number of the
 * failed attempt, from 1 on.
 */
export function backoff(attempt: number, failure: keyof typeof MAX_DELAY): number {
  return Math.min(2 ** (attempt - 1), MAX_DELAY[failure]) * (0.75 + Math.random() / 2);
}

/** Sends the messages in the outbox. Every node runs one. */
export interface Dispatcher {
  start(): void;
  /** Starts nothing new and waits a while for attempts under way; an interrupted message is sent again later. */
  stop(): Promise<void>;
}

/** A permanent refusal of this message. */
export class Refused extends Error {
  override readonly name: string = 'Refused';
}

const MAX_REASON_LENGTH = 300;

/**
 * Describes in one line for operators why an attempt failed. Anything that could be a token is left out: servers may
 * repeat what they were sent.
 */
const whyOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\w-]{20,}/g, '…')
    .slice(0, MAX_REASON_LENGTH);

/** Outcome of an attempt: delivered, or dropped with the reason. */
export type Delivery = { done: 'sent'; kind?: string } | { done: 'dropped'; why: string };

interface Dependencies<Content> {
  queue: Queue<Content>;
  /** The kind of message, in the log: `mail`. */
  name: string;
  /**
   * Sends one message. Resolves when the receiver has accepted it. @param signal aborts the attempt. @throws Refused;
   * any other error is temporary.
   */
  deliver(claimed: Claimed<Content>, signal: AbortSignal): Promise<Delivery>;
  /** Channel by which nodes announce new messages. */
  topic: string;
  notifications: Pick<Notifications, 'subscribe'>;
  logger: Logger;
  /** Concurrent attempts per process. */
  concurrency: number;
  timing?: Partial<DispatcherTiming> | undefined;
}

export type DispatcherTiming = typeof TIMING;

/** Milliseconds. */
const TIMING = {
  /** Polling interval, for messages that are due again, or that a stopped node left behind. */
  poll: 5_000,
  /** Maximum duration of an attempt. */
  send: 60_000,
  /** Duration of a claim on a message; renewed when a third of it has passed. */
  lease: 15_000,
  /** Maximum wait of `stop`. */
  grace: 10_000,
};

const LOST = 'the outbox could not be used';

export function createDispatcher<Content>(dependencies: Dependencies<Content>): Dispatcher {
  const { queue, name, deliver, topic, notifications, logger, concurrency } = dependencies;
  const timing = { ...TIMING, ...dependencies.timing };
  const lease = timing.lease / 1000;
  const stopping = new AbortController();

  /** Retries until the success is recorded, or this process ends; otherwise the message is sent again. */
  async function settle(claimed: Claimed<Content>): Promise<void> {
    for (;;) {
      try {
        await queue.settle(claimed);
        return;
      } catch (error) {
        if (stopping.signal.aborted) throw error;
        await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  async function failed(claimed: Claimed<Content>, error: unknown): Promise<void> {
    const { id, attempt, age } = claimed;
    if (age > GIVE_UP_AFTER) {
      logger.error({ [name]: id, attempt, err: error }, `${name} was given up`);
      await queue.giveUp(claimed, whyOf(error));
      return;
    }
    const wait = backoff(attempt, error instanceof Refused ? 'refusal' : 'outage');
    logger.warn(
      { [name]: id, attempt, wait: Math.round(wait), err: error },
      `${name} could not be sent; it waits`,
    );
    await queue.putOff(claimed, wait, whyOf(error));
  }

  async function attempt(claimed: Claimed<Content>): Promise<void> {
    let delivery: Delivery;
    try {
      delivery = await deliver(claimed, AbortSignal.any([AbortSignal.timeout(timing.send), stopping.signal]));
    } catch (error) {
      await failed(claimed, error);
      return;
    }
    await settle(claimed);
    const { id, attempt } = claimed;
    if (delivery.done === 'sent')
      logger.info({ [name]: id, kind: delivery.kind, attempt }, `${name} was sent`);
    else logger.warn({ [name]: id, attempt }, `${name} was given up: ${delivery.why}`);
  }

  const workers = new Workers(concurrency, async (found) => {
    try {
      const claimed = await queue.claim(lease);
      if (!claimed) return false;
      found();
      const renewal = setInterval(() => {
        queue.postpone(claimed, lease).catch((error: unknown) => logger.warn({ err: error }, LOST));
      }, timing.lease / 3);
      await attempt(claimed).finally(() => clearInterval(renewal));
      return true;
    } catch (error) {
      // The outbox is unavailable; wait for the next poll.
      logger.warn({ err: error }, LOST);
      return false;
    }
  });

  let unsubscribe = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    start() {
      unsubscribe = notifications.subscribe(topic, () => workers.call());
      timer = setInterval(() => workers.call(), timing.poll);
      timer.unref();
      workers.call();
    },
    async stop() {
      unsubscribe();
      clearInterval(timer);
      const grace = setTimeout(() => stopping.abort(), timing.grace);
      await workers.stop();
      clearTimeout(grace);
    },
  };
}
