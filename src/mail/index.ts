/** Sends the mail in the outbox over SMTP_URL, or writes it into files without one. */
import type { Config } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Dispatcher } from '../outbox/dispatcher.ts';
import type { MailTexts } from '../storage/mail-texts.ts';
import type { Outbox } from '../storage/outbox.ts';
import type { Notifications } from '../storage/postgres/notifications.ts';
import { createDispatcher } from './dispatcher.ts';
import { createFileTransport, mailFolder } from './file-transport.ts';
import type { Message } from './messages.ts';
import { createMessageRenderer } from './renderer.ts';
import { createSmtpTransport } from './smtp-transport.ts';
import { senderOf } from './transport.ts';

export { mailFolder } from './file-transport.ts';
export type { Message } from './messages.ts';

interface Dependencies {
  config: Config;
  outbox: Outbox<Message>;
  texts: MailTexts;
  notifications: Notifications;
  clock: Clock;
  logger: Logger;
}

/** @throws StartupError when one of the operator's templates is invalid. */
export function createMail({
  config,
  outbox,
  texts,
  notifications,
  clock,
  logger,
}: Dependencies): Dispatcher {
  const from = senderOf(config);
  const { smtpUrl, dataDir, production } = config;
  if (production && smtpUrl === undefined) {
    logger.warn('SMTP_URL is not set: mail reaches nobody, it is written to files');
  }
  return createDispatcher({
    outbox,
    texts,
    render: createMessageRenderer(config),
    transport:
      smtpUrl === undefined
        ? createFileTransport(mailFolder(dataDir), from)
        : createSmtpTransport(smtpUrl, from),
    notifications,
    clock,
    logger,
  });
}
