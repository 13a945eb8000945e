import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { mailOf, type Sender, type Transport } from './transport.ts';

/** Where mail goes without SMTP_URL. */
export const mailFolder = (dataDir: string): string => path.join(dataDir, 'mail');

/** Mail as `.eml` files (RFC 5322) in `folder`, oldest first by name, for the owner of this process alone. */
export function createFileTransport(folder: string, from: Sender): Transport {
  return {
    async send(mail, signal) {
      // A process that sends no mail does without the megabytes that this takes.
      const { createTransport } = await import('nodemailer');
      const transporter = createTransport({ streamTransport: true, buffer: true });
      const { message } = await transporter.sendMail(mailOf(mail, from));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // A second try writes the same file; who reads along sees all of it or nothing.
      const file = path.join(folder, `${mail.date.toISOString().replaceAll(/[-:.]/g, '')}-${mail.id}`);
      await writeFile(`${file}.tmp`, message, { mode: 0o600, signal });
      await rename(`${file}.tmp`, `${file}.eml`);
    },
    close: () => undefined,
  };
}
