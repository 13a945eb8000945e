import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { mailOf, type Sender, type Transport } from './transport.ts';

/** Where mail goes without SMTP_URL. */
export const mailFolder = (dataDir: string): string => path.join(dataDir, 'mail');

/** Mail as `.eml` files (RFC 5322) in `folder`, oldest first by name, for the owner of this process alone. */
export function createFileTransport(folder: string, from: Sender): Transport {
  return {
    async send(mail, signal) {
      // Loaded on first use: it takes megabytes that a process without mail need not spend.
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
