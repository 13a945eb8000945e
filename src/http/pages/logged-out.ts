import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Ended } from '../../oidc/sessions/browser-session.ts';
import type { PageParts } from './dependencies.ts';
import type { Flashes } from './flash.ts';
import { seeOther } from './replies.ts';

const PATH = '/signed-out';

/** Maximum characters of logout URLs on one page: the limit of a cookie. */
const MAX_URLS_LENGTH = 1500;

interface LoggedOutPage {
  /** Pages of clients that the browser loads (OpenID Connect Front-Channel Logout 1.0), and where it continues. */
  frames: readonly string[];
  continueUrl: string | undefined;
  /** Whether the person is still signed in. */
  stayed: boolean;
  /** The client that they came from, if any. */
  clientId: string | undefined;
}

/** @returns the URL of the page that says it; null when the data does not fit into a cookie. */
export function keepLoggedOutPage(
  ctx: Context,
  flash: Flashes,
  { frames, continueUrl, stayed, clientId }: LoggedOutPage,
): string | null {
  if ([...frames, continueUrl ?? ''].join('').length > MAX_URLS_LENGTH) return null;
  return flash.keep(ctx, PATH, {
    values: {
      frames: frames.join(' '),
      ...(continueUrl === undefined ? {} : { continueUrl }),
      ...(stayed ? { stayed: 'yes' } : {}),
      ...(clientId === undefined ? {} : { clientId }),
    },
  });
}

/**
 * Audits that a session has ended. @param continueUrl where the browser continues; undefined when this page is the end.
 * @returns where it goes first: to a page that notifies apps through the browser, if there are any.
 */
export async function afterLogout(
  ctx: Context,
  deps: PageParts,
  ended: Ended | null,
  continueUrl: string | undefined,
): Promise<string> {
  // Ending a view does not sign the person out.
  if (ended && ctx.state['viewing'] === undefined) await deps.signedOut(ctx, ended.accountId);
  return leaveFrames(ctx, deps, ended, continueUrl);
}

/** The same for a session without a person. Nothing is audited. */
export function leaveFrames(
  ctx: Context,
  { flash }: Pick<PageParts, 'flash'>,
  ended: Ended | null,
  continueUrl: string | undefined,
): string {
  const next = continueUrl ?? '/';
  if (!ended) return next;
  const room = MAX_URLS_LENGTH - next.length;
  const frames = ended.frames.filter((_, index, all) => all.slice(0, index + 1).join('').length <= room);
  if (frames.length === 0) return next;
  const page = { frames, continueUrl, stayed: false, clientId: undefined };
  return keepLoggedOutPage(ctx, flash, page) ?? next;
}

/** The page that tells apps in frames that their session has ended (OpenID Connect Front-Channel Logout 1.0). */
export function loggedOutRoutes(router: Router, { renderer, flash, interactions }: PageParts): void {
  router.get(PATH, async (ctx: Context) => {
    const { frames, continueUrl, stayed, clientId } = flash.read(ctx).values;
    if (frames === undefined) return seeOther(ctx, '/');
    // Don't let a logout page that fails to load block the browser. The script waits for less time.
    if (continueUrl !== undefined) ctx.set('Refresh', `5; url=${continueUrl}`);
    const { client } = clientId === undefined ? {} : await interactions.describe(clientId, []);
    return renderer.render(ctx, 'logged-out', {
      stayed: stayed !== undefined,
      signInUrl: '/sign-in',
      client,
      frames: frames.split(' ').filter(Boolean),
      continueUrl,
    });
  });
}
