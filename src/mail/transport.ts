import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { NodemailerError } from 'nodemailer';
import { readEmailAddress } from '../core/email-address.ts';
import { isLoopbackHostname } from '../core/network.ts';
import { Refused } from '../outbox/dispatcher.ts';
import type { Rendered } from './renderer.ts';

/** A rendered message on its way to one address. */
export interface RenderedMail extends Rendered {
  /** Stays the same over retries, like Message-ID and date, so that a duplicate can be recognised. */
  id: string;
  date: Date;
  to: string;
}

/** Delivers mail. */
export interface Transport {
  /**
   * Resolves when another server has taken responsibility for the mail.
   * @param signal aborts the attempt. Whether the mail arrived is then unknown, as after any failure.
   * @throws MessageRefused; any other error is temporary.
   */
  send(mail: RenderedMail, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** A permanent refusal of this message, for instance because the address no longer exists. */
export class MessageRefused extends Refused {
  override readonly name = 'MessageRefused';
}

/** The sender of mail. */
export interface Sender {
  name: string;
  address: string;
}

/** Reads the sender from the configuration: `mail.from`, or no-reply at the host of PUBLIC_URL. */
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
    from: { name: from.name, address: from.address },
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

/** Milliseconds. The signal of an attempt bounds all of them together. */
const TIMEOUTS = {
  dnsTimeout: 10_000,
  connectionTimeout: 10_000,
  greetingTimeout: 20_000,
  socketTimeout: 60_000,
};

/** Whether the server refused the message permanently. A failed login or connection says nothing about a message. */
function isRefusal(error: unknown): boolean {
  const { code, permanent } = error as NodemailerError;
  return permanent === true && (code === 'EENVELOPE' || code === 'EMESSAGE');
}

/**
 * Mail over SMTP, with connections kept for the next message. TLS is used whenever the server offers it.
 * @param smtpUrl `smtp://` or `smtps://`; its query may hold any option of nodemailer, such as `requireTLS=true`.
 */
export function createSmtpTransport(smtpUrl: string, from: Sender): Transport {
  const options = {
    pool: true,
    // Only the outbox retries.
    maxRequeues: 0,
    ...TIMEOUTS,
    // A relay on this machine usually has a self-signed certificate, and nobody sits in between.
    tls: { rejectUnauthorized: !isLoopbackHostname(new URL(smtpUrl).hostname) },
    url: smtpUrl,
  } as const;
  // Loaded on first use: it takes megabytes, and a process without mail does not need it.
  const open = async () => (await import('nodemailer')).createTransport(options);
  let opened: ReturnType<typeof open> | undefined;
  return {
    async send(mail, signal) {
      const transporter = await (opened ??= open());
      try {
        await transporter.sendMail({ ...mailOf(mail, from), signal });
      } catch (error) {
        throw isRefusal(error) ? new MessageRefused((error as Error).message, { cause: error }) : error;
      }
    },
    close: () => void opened?.then((transporter) => transporter.close()),
  };
}

/** Destination of mail without SMTP_URL. */
export const mailFolder = (dataDir: string): string => path.join(dataDir, 'mail');

/** Mail as `.eml` files (RFC 5322) in `folder`, oldest first by name, for the owner of this process alone. */
export function createFileTransport(folder: string, from: Sender): Transport {
  return {
    async send(mail, signal) {
      // Loaded on first use: it takes megabytes, and a process without mail does not need it.
      const { createTransport } = await import('nodemailer');
      const transporter = createTransport({ streamTransport: true, buffer: true });
      const { message } = await transporter.sendMail(mailOf(mail, from));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // A retry writes the same file. The rename is atomic, so readers see all of it or nothing.
      const file = path.join(folder, `${mail.date.toISOString().replaceAll(/[-:.]/g, '')}-${mail.id}`);
      await writeFile(`${file}.tmp`, message, { mode: 0o600, signal });
      await rename(`${file}.tmp`, `${file}.eml`);
    },
    close: () => undefined,
  };
}
