import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import Router from '@koa/router';
import ejs from 'ejs';
import type { Middleware } from 'koa';
import { isFromThisMachine } from './actor.ts';

/** A message as shown by a mail program. */
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

/** The `.eml` files of a folder, by name without the extension. */
export class Mailbox {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Newest first, at most a hundred. */
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

  /** The raw file. */
  async source(id: string): Promise<Buffer | null> {
    if (!ID.test(id)) return null;
    return readFile(path.join(this.#folder, `${id}.eml`)).catch(() => null);
  }
}

const VIEWS = path.resolve(import.meta.dirname, '../../views/dev-mail');

const template = (name: string) =>
  ejs.compile(readFileSync(path.join(VIEWS, name), 'utf8'), { filename: path.join(VIEWS, name) });

const FRAME = "base-uri 'none'; form-action 'none'";
const POLICY = {
  page: `default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'none'; ${FRAME}`,
  // Allow only the styles inside the message.
  message: `default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox; ${FRAME}`,
};

/** The text in pieces: links to this service become clickable. */
const withLinks = (text: string, publicUrl: string): { text: string; href?: string }[] =>
  text
    .split(/(https?:\/\/\S+)/)
    .map((piece) => (piece.startsWith(`${publicUrl}/`) ? { text: piece, href: piece } : { text: piece }));

/**
 * The pages of `/dev/mail`. They show everybody's mail, including password-reset links: answer only requests made on this
 * machine.
 * @throws in production.
 */
export function createDevMail({
  folder,
  publicUrl,
  production,
}: {
  folder: string;
  publicUrl: string;
  production: boolean;
}): Middleware {
  if (production) throw new Error('/dev/mail is for development only');
  const mailbox = new Mailbox(folder);
  const [list, message] = [template('list.ejs'), template('message.ejs')];
  const style = readFileSync(path.join(VIEWS, 'style.css'));
  const router = new Router();

  router.use(async (ctx, next) => {
    ctx.set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': POLICY.page,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    });
    if (isFromThisMachine(ctx.req)) {
      await next();
      return;
    }
    ctx.status = 403;
    ctx.body =
      'Open this on the machine that the server runs on, at its localhost address and without a proxy.\n';
  });
  router.get('/dev/mail', async (ctx) => {
    ctx.type = 'html';
    ctx.body = list({ messages: await mailbox.list() });
  });
  router.get('/dev/mail/style.css', (ctx) => {
    ctx.type = 'css';
    ctx.body = style;
  });
  router.get('/dev/mail/:id', async (ctx) => {
    const mail = await mailbox.find(ctx.params['id'] ?? '');
    if (!mail) return;
    ctx.type = 'html';
    ctx.body = message({ ...mail, pieces: withLinks(mail.text, publicUrl) });
  });
  router.get('/dev/mail/:id/html', async (ctx) => {
    const mail = await mailbox.find(ctx.params['id'] ?? '');
    if (!mail) return;
    ctx.set('Content-Security-Policy', POLICY.message);
    ctx.type = 'html';
    ctx.body = mail.html;
  });
  router.get('/dev/mail/:id/source', async (ctx) => {
    const source = await mailbox.source(ctx.params['id'] ?? '');
    if (!source) return;
    ctx.type = 'text/plain; charset=utf-8';
    ctx.body = source;
  });
  return router.routes() as Middleware;
}
