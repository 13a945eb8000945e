import type { Context } from 'koa';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import type { PageParts } from '../dependencies.ts';
import { seeOther } from '../replies.ts';
import { interactionPath } from './sign-in.ts';

/** Bytes of a request that a browser can be given to keep. */
const LONGEST = 2200;

/** Lets the browser keep the request of an interaction, so that it is led on when that is over. */
export function rememberRequest(ctx: Context, { requests }: PageParts, interaction: OpenInteraction): void {
  const { uid, client, redirectUri, again } = interaction;
  if (again === undefined || redirectUri === undefined || again.length > LONGEST) return;
  requests.set(ctx, interactionPath(uid), { clientId: client.clientId, redirectUri, query: again });
}

/** Makes the same request once more: of whoever is signed in now. */
export function restartRequest(ctx: Context, { renderer, requests }: PageParts, uid: string): void {
  const kept = requests.read(ctx, interactionPath(uid));
  if (kept) return seeOther(ctx, `/oauth2/authorize?${kept.query}`);
  ctx.status = 400;
  return renderer.render(ctx, 'expired', { homeUrl: '/' });
}

/**
 * Answers for an interaction that has expired, or was finished. Whoever is signed in to the app already goes on there;
 * otherwise the same request is made once more.
 */
export async function resumeRequest(ctx: Context, deps: PageParts, uid: string): Promise<void> {
  const { renderer, requests, sessions, interactions } = deps;
  const kept = requests.read(ctx, interactionPath(uid));
  if (!kept || !(await sessions.isSignedInTo(ctx.req, ctx.res, kept.clientId)))
    return restartRequest(ctx, deps, uid);
  // Show a page: a redirect would trap the back button.
  if (ctx.method === 'POST') return seeOther(ctx, interactionPath(uid));
  const { client } = await interactions.describe(kept.clientId, []);
  return renderer.render(ctx, 'finished', {
    client,
    appUrl: client?.clientUri ?? webOrigin(kept.redirectUri),
  });
}

/** Where an app on the web begins; undefined for one that is none. */
function webOrigin(redirectUri: string): string | undefined {
  const url = URL.parse(redirectUri);
  return url && /^https?:$/.test(url.protocol) ? `${url.origin}/` : undefined;
}
