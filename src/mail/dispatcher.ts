import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { createDispatcher as createOutboxDispatcher, type Dispatcher } from '../outbox/dispatcher.ts';
import type { DispatcherTiming } from '../outbox/dispatcher.ts';
import { MAIL_TOPIC, type Queue } from '../storage/outbox.ts';
import type { MailTexts } from '../storage/settings.ts';
import type { Notifications } from '../storage/postgres/notifications.ts';
import type { Message } from './messages.ts';
import type { RenderMessage } from './renderer.ts';
import type { Transport } from './transport.ts';

interface Dependencies {
  outbox: Queue<Message>;
  render: RenderMessage;
  /** Sentences changed by operators. */
  texts: Pick<MailTexts, 'read'>;
  transport: Transport;
  notifications: Pick<Notifications, 'subscribe'>;
  clock: Clock;
  logger: Logger;
  timing?: Partial<DispatcherTiming>;
}

/** Concurrent messages per process: the number of nodemailer's connections. */
const CONCURRENCY = 5;

/** Sends the mail that is in the outbox. */
export function createDispatcher({
  outbox,
  render,
  texts,
  transport,
  notifications,
  clock,
  logger,
  timing,
}: Dependencies): Dispatcher {
  /** Uses the operators' sentences, or the built-in ones when this version cannot use theirs. */
  const inOperatorsWords: RenderMessage = (message, written) => {
    try {
      return render(message, written);
    } catch (error) {
      logger.error(
        { err: error, kind: message.kind },
        'an operator’s mail text is unusable; the default is sent',
      );
      return render(message);
    }
  };

  const dispatcher = createOutboxDispatcher<Message>({
    queue: outbox,
    name: 'mail',
    topic: MAIL_TOPIC,
    notifications,
    logger,
    concurrency: CONCURRENCY,
    timing,
    async deliver({ id, createdAt, content }, signal) {
      const message = content();
      const passing = 'link' in message ? message.link : 'request' in message ? message.request : null;
      if (passing && Date.parse(passing.expiresAt) <= clock.now())
        return { done: 'dropped', why: 'its link or request has expired' };
      const words = inOperatorsWords(message, (await texts.read()).texts);
      await transport.send({ ...words, id, date: createdAt, to: message.to }, signal);
      return { done: 'sent', kind: message.kind };
    },
  });
  return {
    start: () => dispatcher.start(),
    async stop() {
      await dispatcher.stop();
      transport.close();
    },
  };
}
