import type { NodemailerError } from 'nodemailer';
import { isLoopbackHostname } from '../core/network.ts';
import { mailOf, MessageRefused, type Sender, type Transport } from './transport.ts';

/** Milliseconds. The signal of a try bounds all of them together. */
const TIMEOUTS = {
  dnsTimeout: 10_000,
  connectionTimeout: 10_000,
  greetingTimeout: 20_000,
  socketTimeout: 60_000,
};

/** Whether the server refused what it was sent, and for good; a failed login or connection says nothing about a message. */
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
    // A relay on this machine has, as a rule, a certificate that it signed itself, and nobody in between.
    tls: { rejectUnauthorized: !isLoopbackHostname(new URL(smtpUrl).hostname) },
    url: smtpUrl,
  } as const;
  // Loaded on first use: it takes megabytes that a process without mail need not spend.
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
