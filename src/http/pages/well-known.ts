import type Router from '@koa/router';
import type { Context } from 'koa';
import type { PageDependencies } from './dependencies.ts';
import { icoOf, iconPng } from './icon-image.ts';
import { seeOther } from './replies.ts';

const DAY = 86_400_000;
/** Milliseconds that a security.txt may be relied on; less than a year (RFC 9116 section 2.5.5). */
const RELIABLE = 180 * DAY;

/** Addresses that browsers, phones and people try without being told of them. */
export function wellKnownRoutes(
  router: Router,
  { config, mfa, renderer, clock }: Pick<PageDependencies, 'config' | 'mfa' | 'renderer' | 'clock'>,
): void {
  const { publicUrl, securityTxt, languages, brand } = config;

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

  const icon = (type: string, make: () => Buffer) => {
    let image: Buffer | undefined;
    return (ctx: Context): void => {
      ctx.set('Cache-Control', 'public, max-age=86400');
      if (renderer.logo !== null) return ctx.redirect(renderer.logo);
      ctx.type = type;
      ctx.body = image ??= make();
    };
  };
  router.get(
    '/favicon.ico',
    icon('image/x-icon', () => icoOf(iconPng(brand.color, 48, true), 48)),
  );
  router.get(
    '/apple-touch-icon.png',
    icon('image/png', () => iconPng(brand.color, 180, false)),
  );
}
