import { readFileSync } from 'node:fs';
import path from 'node:path';
import Router from '@koa/router';
import ejs from 'ejs';
import type { Middleware } from 'koa';
import { isFromThisMachine } from '../origin.ts';
import { Mailbox } from './mailbox.ts';

const VIEWS = path.resolve(import.meta.dirname, '../../../views/dev-mail');

const template = (name: string) =>
  ejs.compile(readFileSync(path.join(VIEWS, name), 'utf8'), { filename: path.join(VIEWS, name) });

const FRAME = "base-uri 'none'; form-action 'none'";
const POLICY = {
  page: `default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'none'; ${FRAME}`,
  // Allow only the styles inside the message.
  message: `default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox; ${FRAME}`,
};

/** The text in pieces: links to this service can be followed. */
const withLinks = (text: string, publicUrl: string): { text: string; href?: string }[] =>
  text
    .split(/(https?:\/\/\S+)/)
    .map((piece) => (piece.startsWith(`${publicUrl}/`) ? { text: piece, href: piece } : { text: piece }));

/**
 * The pages of `/dev/mail`. They show everybody's mail, links to reset passwords among it: to requests that were made on
 * this machine, and to no others.
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
      'Open this on the machine that the server runs on, at its localhost address and with no proxy between.\n';
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
