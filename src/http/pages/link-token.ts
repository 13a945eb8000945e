import type { Context } from 'koa';
import type { Renderer } from './render.ts';
import type { ViewData } from './views.ts';

/** The token of the link that somebody came by; empty when there is none. */
export function token(ctx: Context): string {
  const value = ctx.query['token'];
  return typeof value === 'string' ? value : '';
}

/** `path` with the same token: where the form of a link's page is posted to. */
export const withToken = (path: string, ctx: Context): string =>
  `${path}?${new URLSearchParams({ token: token(ctx) }).toString()}`;

/**
 * Says that a link cannot be used, or no longer.
 * @param link to what can be done instead.
 */
export function showDeadLink(
  ctx: Context,
  renderer: Renderer,
  text: ViewData<'message'>['text'],
  link: ViewData<'message'>['link'] = { url: '/sign-in', label: 'action.signIn' },
): void {
  ctx.status = 400;
  renderer.render(ctx, 'message', { icon: 'hourglass', title: 'link.deadTitle', text, link });
}
