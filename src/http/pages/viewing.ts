/** Limits of an operator's view as a person: no access to personal data or credentials. */
import type Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { epochSeconds } from '../../core/clock.ts';
import { DomainError } from '../../core/errors.ts';
import type { View } from '../../domain/impersonation.ts';
import type { User } from '../../domain/users/index.ts';
import { userActor } from '../actor.ts';
import { VIEW_PATH } from '../view-as-link.ts';
import type { PageDependencies, PageParts } from './dependencies.ts';
import { posted } from './form.ts';
import { leaveFrames } from './logged-out.ts';
import { interactionPath } from './interaction/routes.ts';
import { seeOther } from './replies.ts';
import type { Viewing } from './views.ts';

export const END_PATH = `${VIEW_PATH}/end`;

/** Pages available in a view. */
const SHOWN = new Set([
  '/',
  '/account',
  '/account/profile',
  '/account/sessions',
  '/account/apps',
  '/account/activity',
  '/signed-out',
  VIEW_PATH,
]);

/** Forms available in a view: those that end it. */
const POSTED = new Set([END_PATH, '/sign-out']);

const INTERACTION = /^\/interaction\/([\w-]+)$/;
const ABORT = /^\/interaction\/[\w-]+\/abort$/;

/** The data of the view's banner. */
export const viewing = (
  { until }: View,
  person: Pick<User, 'name' | 'username' | 'email'> | null,
  csrf: string,
): Viewing => ({
  name: person?.name ?? person?.username ?? person?.email ?? '',
  until: new Date(until * 1000),
  action: END_PATH,
  csrf,
});

/** The banner of a view; null for a browser without one. */
export async function viewingOf(
  ctx: Context,
  { sessions, csrf }: Pick<PageDependencies, 'sessions' | 'csrf'>,
): Promise<Viewing | null> {
  const owner = await sessions.owner(ctx.req, ctx.res);
  return owner?.session.view ? viewing(owner.session.view, owner.user, csrf.token(ctx)) : null;
}

/** Restricts a view to allowed requests and shows its banner on each page. */
export function guardViews(deps: PageDependencies): Middleware {
  return async (ctx, next) => {
    if (!deps.sessions.mayView(ctx.req)) return next();
    const banner = await viewingOf(ctx, deps);
    const path = ctx.path.length > 1 ? ctx.path.replace(/\/$/, '') : ctx.path;
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
    if (!banner) {
      deps.csrf.renew(ctx);
      // The view has ended: don't send a form of the person's page as the operator.
      if (!isRead && path !== END_PATH) throw new DomainError('forbidden', { reason: 'view_over' });
      return path === END_PATH && !isRead ? seeOther(ctx, '/admin') : next();
    }
    ctx.state['viewing'] = banner;
    const [, uid] = INTERACTION.exec(path) ?? [];
    if (isRead && uid !== undefined) {
      ctx.status = 403;
      return deps.renderer.render(ctx, 'not-viewing', {
        csrf: banner.csrf,
        abortAction: `${interactionPath(uid)}/abort`,
      });
    }
    const isAllowed = isRead
      ? SHOWN.has(path) || path.startsWith('/.well-known/') || /^\/[\w-]+\.(?:ico|png)$/.test(path)
      : ctx.method === 'POST' && (POSTED.has(path) || ABORT.test(path));
    if (!isAllowed) throw new DomainError('forbidden', { reason: 'viewing' });
    return next();
  };
}

/** Starting and ending a view. */
export function viewRoutes(router: Router, deps: PageParts): void {
  const { sessions, impersonation, clock } = deps;

  router.get(VIEW_PATH, async (ctx: Context) => {
    const session = await sessions.current(ctx.req, ctx.res);
    if (session?.view) throw new DomainError('forbidden', { reason: 'viewing' });
    if (!session) throw new DomainError('forbidden', { reason: 'view_link' });
    const { token } = ctx.query;
    const actor = { ...userActor(ctx, 'pages', session.accountId), isOperator: true };
    const view = await impersonation.begin(typeof token === 'string' ? token : '', session, actor);
    deps.csrf.renew(ctx);
    await sessions.beginView(ctx.req, ctx.res, view, epochSeconds(clock));
    return seeOther(ctx, '/account');
  });

  router.post(END_PATH, ...posted(deps, () => '/account'), async (ctx: Context) => {
    const session = await sessions.current(ctx.req, ctx.res);
    const ended = await sessions.endView(ctx.req, ctx.res, ({ operator }) => ({
      ...userActor(ctx, 'pages', operator),
      isOperator: true,
    }));
    deps.csrf.renew(ctx);
    const back = ended && session ? `/admin/users/${session.accountId}` : '/admin';
    return seeOther(ctx, leaveFrames(ctx, deps, ended, back));
  });
}
