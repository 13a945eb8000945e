import path from 'node:path';
import { createTransport } from 'nodemailer';
import type { Config } from '../../config/index.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** Milliseconds that a mail server may take to answer. */
const TIMEOUT = 5_000;

/** Whether mail would leave: connects to the mail server, greets it and signs in, and sends nothing. */
export async function checkMail({ smtpUrl, production, dataDir }: Config): Promise<Finding> {
  if (smtpUrl === undefined) {
    const message = `no SMTP_URL: mail is written to ${path.join(dataDir, 'mail')}`;
    return production ? warning('mail', message, 'Set SMTP_URL, or nobody gets any.') : ok('mail', message);
  }
  const { host } = new URL(smtpUrl);
  const transport = createTransport({ url: smtpUrl, connectionTimeout: TIMEOUT, greetingTimeout: TIMEOUT });
  try {
    await transport.verify();
    return ok('mail', `${host} takes mail`);
  } catch (error) {
    return problem(
      'mail',
      `${host} takes no mail: ${(error as Error).message}`,
      'Correct SMTP_URL, or start the mail server.',
    );
  } finally {
    transport.close();
  }
}
