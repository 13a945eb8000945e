import type Router from '@koa/router';
import type { Context } from 'koa';
import type { PageDependencies } from './dependencies.ts';
import { icoOf, iconPng } from './icon-image.ts';
import { seeOther } from './replies.ts';

const DAY = 86_400_000;
/** Milliseconds that a security.txt is valid; less than a year (RFC 9116 section 2.5.5). */
const RELIABLE = 180 * DAY;

/** Well-known URLs that browsers, phones and people request. */
export function wellKnownRoutes(
  router: Router,
  { config, mfa, renderer, clock }: Pick<PageDependencies, 'config' | 'mfa' | 'renderer' | 'clock'>,
): void {
  const { publicUrl, securityTxt, languages } = config;

  // Password managers (A Well-Known URL for Changing Passwords; Passkey Endpoints Well-Known URL).
  router.get('/.well-known/change-password', (ctx) => seeOther(ctx, '/account/password'));
  if (mfa.passkeys.available)
    router.get('/.well-known/passkey-endpoints', (ctx) => {
      const url = `${publicUrl}/account/factors`;
      ctx.body = { enroll: url, manage: url };
    });

  // For security researchers (RFC 9116). Without a contact there is no file.
  if (securityTxt.contact.length > 0)
    router.get('/.well-known/security.txt', (ctx) => {
      const expires = new Date(Math.floor(clock.now() / DAY) * DAY + RELIABLE);
      ctx.set('Cache-Control', 'public, max-age=86400');
      ctx.type = 'text/plain; charset=utf-8';
      ctx.body = [
        ...securityTxt.contact.map((contact) => `Contact: ${contact}`),
        `Expires: ${expires.toISOString()}`,
        `Preferred-Languages: ${languages.join(', ')}`,
        `Canonical: ${publicUrl}/.well-known/security.txt`,
        '',
      ].join('\n');
    });

  const icon = (type: string, make: (color: string) => Buffer) => {
    let drawn: { color: string; image: Buffer } | undefined;
    return (ctx: Context): void => {
      const { logo, color } = renderer;
      ctx.set('Cache-Control', 'public, max-age=3600');
      if (logo !== null) return ctx.redirect(logo);
      if (drawn?.color !== color) drawn = { color, image: make(color) };
      ctx.type = type;
      ctx.body = drawn.image;
    };
  };
  router.get(
    '/favicon.ico',
    icon('image/x-icon', (color) => icoOf(iconPng(color, 48, true), 48)),
  );
  router.get(
    '/apple-touch-icon.png',
    icon('image/png', (color) => iconPng(color, 180, false)),
  );
}
