/** Sends the mail in the outbox over SMTP_URL, or writes it into files without one. */
import type { Config } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Dispatcher } from '../outbox/dispatcher.ts';
import type { MailTexts } from '../storage/settings.ts';
import type { Outbox } from '../storage/outbox.ts';
import type { Notifications } from '../storage/postgres/notifications.ts';
import { createDispatcher } from './dispatcher.ts';
import { createFileTransport, createSmtpTransport, mailFolder, type Sender, senderOf } from './transport.ts';
import type { Message } from './messages.ts';
import type { Language } from '../core/languages.ts';
import { createMessageRenderer, type RenderMessage } from './renderer.ts';

export { mailFolder } from './transport.ts';
export type { Message } from './messages.ts';
export type { RenderMessage } from './renderer.ts';

/** The look of messages, which may change while the server runs. */
export interface MailLook {
  /** Increases with every change. */
  readonly version: number;
  look(language: Language): { name: string; light: string; texts: { mail_footer?: string } };
}

/** Renders with the current look. @throws StartupError when a template of the operator's cannot be used. */
export function createBrandedRenderer(config: Config, branding: MailLook): RenderMessage {
  const make = () => {
    const { name, light } = branding.look(config.languages[0] ?? 'en');
    const brand = { ...config.brand, color: light };
    const footer = (language: Language) => branding.look(language).texts.mail_footer;
    return { version: branding.version, render: createMessageRenderer({ ...config, name, brand, footer }) };
  };
  let current = make();
  return (...message) => {
    if (current.version !== branding.version) current = make();
    return current.render(...message);
  };
}

/** @throws StartupError when one of the operator's templates is invalid. */
export function createMail({
  config,
  branding,
  outbox,
  texts,
  notifications,
  clock,
  logger,
}: {
  config: Config;
  branding: MailLook;
  outbox: Outbox<Message>;
  texts: MailTexts;
  notifications: Notifications;
  clock: Clock;
  logger: Logger;
}): Dispatcher {
  const { address } = senderOf(config);
  const from: Sender = {
    address,
    get name() {
      return branding.look(config.languages[0] ?? 'en').name;
    },
  };
  const { smtpUrl, dataDir, production } = config;
  if (production && smtpUrl === undefined) {
    logger.warn('SMTP_URL is not set: mail is written to files instead of being sent');
  }
  return createDispatcher({
    outbox,
    texts,
    render: createBrandedRenderer(config, branding),
    transport:
      smtpUrl === undefined
        ? createFileTransport(mailFolder(dataDir), from)
        : createSmtpTransport(smtpUrl, from),
    notifications,
    clock,
    logger,
  });
}
