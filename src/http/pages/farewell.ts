import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Ended } from '../../oidc/sessions/browser-session.ts';
import type { PageParts } from './dependencies.ts';
import { seeOther } from './replies.ts';

const PATH = '/signed-out';

/** Characters of addresses that are told by one page: what a browser can be given to keep. */
const MOST = 1500;

/**
 * Writes that a session has ended. @param onward where the browser goes then.
 * @returns where it goes first: a page that tells the apps that are to be told by the browser, if there are any.
 */
export async function afterEnd(
  ctx: Context,
  { flash, signedOut }: PageParts,
  ended: Ended | null,
  onward: string,
): Promise<string> {
  if (!ended) return onward;
  await signedOut(ctx, ended.accountId);
  const frames = ended.frames.filter((_, index, all) => all.slice(0, index + 1).join('').length <= MOST);
  if (frames.length === 0) return onward;
  return flash.keep(ctx, PATH, { values: { frames: frames.join(' '), onward } });
}

/** The page that tells apps by frames that their session has ended (OpenID Connect Front-Channel Logout 1.0). */
export function farewellRoutes(router: Router, { renderer, flash }: PageParts): void {
  router.get(PATH, (ctx: Context) => {
    const { frames, onward = '/' } = flash.read(ctx).values;
    if (frames === undefined) return seeOther(ctx, '/');
    const isOver = onward === '/';
    if (!isOver) ctx.set('Refresh', `5; url=${onward}`);
    return renderer.render(ctx, 'logged-out', {
      stayed: false,
      signInUrl: '/sign-in',
      frames: frames.split(' '),
      ...(isOver ? {} : { onward }),
    });
  });
}
