import { readEmailAddress } from '../core/email-address.ts';
import { Refused } from '../outbox/dispatcher.ts';
import type { Rendered } from './renderer.ts';

/** A rendered message on its way to one address. */
export interface RenderedMail extends Rendered {
  /** Constant over retries, like Message-ID and date, so that a duplicate can be recognised. */
  id: string;
  date: Date;
  to: string;
}

/** Delivers mail. */
export interface Transport {
  /**
   * Returns when the mail is safe with somebody else.
   * @param signal aborts the try. Whether the mail arrived all the same is then unknown, as after any failure.
   * @throws MessageRefused; anything else may be over soon.
   */
  send(mail: RenderedMail, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** A permanent refusal of this message, for instance because the address no longer exists. */
export class MessageRefused extends Refused {
  override readonly name = 'MessageRefused';
}

/** Who mail comes from. */
export interface Sender {
  name: string;
  address: string;
}

/** The sender as the configuration has it: `mail.from`, or no-reply at the host of PUBLIC_URL. */
export function senderOf(config: { name: string; publicUrl: string; mail: { from: string | null } }): Sender {
  const { hostname } = new URL(config.publicUrl);
  const configured = config.mail.from === null ? null : readEmailAddress(config.mail.from);
  return { name: config.name, address: configured?.ascii ?? `no-reply@${mailDomain(hostname)}` };
}

/** A host as the domain of an address; IP addresses are literals there (RFC 5321 section 4.1.3). */
function mailDomain(hostname: string): string {
  if (hostname.startsWith('[')) return `[IPv6:${hostname.slice(1)}`;
  return /^[\d.]+$/.test(hostname) ? `[${hostname}]` : hostname;
}

/** Fields of nodemailer's `sendMail` for every transport. */
export function mailOf({ id, date, to, subject, html, text, language }: RenderedMail, from: Sender) {
  return {
    from,
    to: { name: '', address: to },
    subject,
    html,
    text,
    date,
    messageId: `<${id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`,
    // Suppress automatic replies such as holiday notices (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': language },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
