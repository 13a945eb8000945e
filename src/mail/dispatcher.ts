import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { MAIL_TOPIC, type Claimed, type Outbox } from '../storage/outbox.ts';
import type { Notifications } from '../storage/postgres/notifications.ts';
import { backoff, GIVE_UP_AFTER } from './backoff.ts';
import type { Message } from './messages.ts';
import type { RenderMessage } from './renderer.ts';
import { MessageRefused, type Transport } from './transport.ts';
import { Workers } from './workers.ts';

/** Sends what is in the outbox, on every node that runs one. */
export interface Dispatcher {
  start(): void;
  /** Begins nothing new and waits a while for what is under way; what is cut off then is sent again later. */
  stop(): Promise<void>;
}

interface Dependencies {
  outbox: Outbox<Message>;
  render: RenderMessage;
  transport: Transport;
  notifications: Pick<Notifications, 'subscribe'>;
  clock: Clock;
  logger: Logger;
  timing?: Partial<typeof TIMING>;
}

/** Milliseconds. */
const TIMING = {
  /** Between two looks into the outbox without having been told: what is due again, or left by a node that is gone. */
  poll: 5_000,
  /** One try takes no longer. */
  send: 60_000,
  /** A message is claimed for so long, and for as long again each time a third of it is over. */
  lease: 15_000,
  /** How long `stop` waits. */
  grace: 10_000,
};

/** Messages that one process sends at a time: as many as nodemailer keeps connections. */
const CONCURRENCY = 5;

const LOST = 'the outbox could not be used';

export function createDispatcher(dependencies: Dependencies): Dispatcher {
  const { outbox, render, transport, notifications, clock, logger } = dependencies;
  const timing = { ...TIMING, ...dependencies.timing };
  const lease = timing.lease / 1000;
  const stopping = new AbortController();

  /** What was sent must be written down, or it is sent again: goes on trying until it is, or this process ends. */
  async function settle(claimed: Claimed<Message>): Promise<void> {
    for (;;) {
      try {
        await outbox.settle(claimed);
        return;
      } catch (error) {
        if (stopping.signal.aborted) throw error;
        await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  async function failed(claimed: Claimed<Message>, error: unknown): Promise<void> {
    const { id, attempt, age } = claimed;
    if (age > GIVE_UP_AFTER) {
      logger.error({ mail: id, attempt, err: error }, 'mail was given up');
      await settle(claimed);
      return;
    }
    const wait = backoff(attempt, error instanceof MessageRefused ? 'refusal' : 'outage');
    logger.warn(
      { mail: id, attempt, wait: Math.round(wait), err: error },
      'mail could not be sent; it waits',
    );
    await outbox.postpone(claimed, wait);
  }

  async function deliver(claimed: Claimed<Message>): Promise<void> {
    const { id, attempt, createdAt } = claimed;
    let kind: Message['kind'];
    try {
      const message = claimed.content();
      ({ kind } = message);
      if ('link' in message && Date.parse(message.link.expiresAt) <= clock.now()) {
        logger.warn({ mail: id, kind, attempt }, 'mail was given up: its link has expired');
        await settle(claimed);
        return;
      }
      const letter = { ...render(message), id, date: createdAt, to: message.to };
      const signal = AbortSignal.any([AbortSignal.timeout(timing.send), stopping.signal]);
      await transport.send(letter, signal);
    } catch (error) {
      await failed(claimed, error);
      return;
    }
    await settle(claimed);
    logger.info({ mail: id, kind, attempt }, 'mail was sent');
  }

  const workers = new Workers(CONCURRENCY, async (found) => {
    try {
      const claimed = await outbox.claim(lease);
      if (!claimed) return false;
      found();
      const renewal = setInterval(() => {
        outbox.postpone(claimed, lease).catch((error: unknown) => logger.warn({ err: error }, LOST));
      }, timing.lease / 3);
      await deliver(claimed).finally(() => clearInterval(renewal));
      return true;
    } catch (error) {
      // The outbox is not to be had; the next look comes.
      logger.warn({ err: error }, LOST);
      return false;
    }
  });

  let unsubscribe = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    start() {
      unsubscribe = notifications.subscribe(MAIL_TOPIC, () => workers.call());
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
      transport.close();
    },
  };
}
