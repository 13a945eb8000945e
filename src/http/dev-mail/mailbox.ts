import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A message as a mail program shows it. */
export interface Mail {
  id: string;
  /** ISO 8601. */
  date: string;
  from: string;
  to: string;
  subject: string;
  language: string;
  text: string;
  html: string;
}

const ID = /^[\w-]+$/;
const SHOWN = 100;

/** The `.eml` files of a folder, by name without the ending. */
export class Mailbox {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The newest first, a hundred at most. */
  async list(): Promise<Mail[]> {
    const files = await readdir(this.#folder).catch(() => []);
    const ids = files.filter((file) => file.endsWith('.eml')).map((file) => file.slice(0, -4));
    const newest = ids.sort().reverse().slice(0, SHOWN);
    const mails = await Promise.all(newest.map((id) => this.find(id)));
    return mails.filter((mail) => mail !== null);
  }

  async find(id: string): Promise<Mail | null> {
    const source = await this.source(id);
    if (!source) return null;
    const { default: PostalMime } = await import('postal-mime');
    const { date, from, to, subject, text, html, headers } = await PostalMime.parse(source);
    return {
      id,
      date: date ?? '',
      from: `${from?.name ?? ''} <${from?.address ?? ''}>`,
      to: to?.map(({ address }) => address).join(', ') ?? '',
      subject: subject ?? '',
      language: headers.find(({ key }) => key === 'content-language')?.value ?? 'en',
      text: text ?? '',
      html: html ?? '',
    };
  }

  /** The file as it is. */
  async source(id: string): Promise<Buffer | null> {
    if (!ID.test(id)) return null;
    return readFile(path.join(this.#folder, `${id}.eml`)).catch(() => null);
  }
}
