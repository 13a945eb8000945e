import type Router from '@koa/router';
import type { Context } from 'koa';
import { type ErrorCode, isDomainError } from '../../core/errors.ts';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field, posted } from './form.ts';
import { interactionPath } from './interaction/routes.ts';
import { missing } from './problems.ts';
import type { Renderer } from './render.ts';
import { attempt } from './sign-in.ts';
import type { ViewData } from './views.ts';

/** The token of the link; empty when absent. */
export function token(ctx: Context): string {
  const value = ctx.query['token'];
  return typeof value === 'string' ? value : '';
}

/** `path` with the same token: the action of a form on a link's page. */
export const withToken = (path: string, ctx: Context): string =>
  `${path}?${new URLSearchParams({ token: token(ctx) }).toString()}`;

/**
 * Shows that a link is invalid or expired. @param link an alternative to offer.
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

/**
 * Answers a form that sets a new password, on a link's page. Redirects to that page, which shows success, the problems, or that
 * the link is dead.
 * @param path of the page. @param dead the code that `confirm` then throws.
 */
export async function answerNewPassword(
  ctx: Context,
  { flash, config }: PageParts,
  { path, dead, confirm }: { path: string; dead: ErrorCode; confirm(password: string): Promise<object> },
): Promise<void> {
  const page = withToken(path, ctx);
  const password = field(ctx, 'password');
  if (!password) return flash.leave(ctx, page, { status: 400, problems: [missing('password')] });
  try {
    const done = await attempt(() => confirm(password), passwordLength(config), 400);
    return flash.leave(ctx, page, 'problems' in done ? done : { values: { done: 'yes' } });
  } catch (error) {
    if (!isDomainError(error, dead)) throw error;
    return flash.leave(ctx, page, { values: { dead: 'yes' } });
  }
}

const PATH = '/reset-password';

/** Sets a new password with a mailed link, on any device. Does not sign in: the second factor is still required. */
export function resetPasswordRoutes(router: Router, deps: PageParts): void {
  const { config, renderer, csrf, flash, reset, returns } = deps;

  const showDone = (ctx: Context): void => {
    const left = returns.read(ctx, '/');
    renderer.render(ctx, 'message', {
      icon: 'check',
      title: 'reset.doneTitle',
      text: left ? 'reset.doneReturn' : 'reset.doneText',
      link: { url: left ? `${interactionPath(left)}/sign-in` : '/sign-in', label: 'action.signIn' },
    });
  };

  router.get(PATH, async (ctx: Context) => {
    const { problems, values } = flash.read(ctx);
    if (values['done'] !== undefined) return showDone(ctx);
    const account =
      values['dead'] === undefined && (await reset.peek(token(ctx), anonymousActor(ctx, 'pages')));
    if (!account)
      return showDeadLink(ctx, renderer, 'link.deadReset', { url: '/forgot-password', label: 'link.again' });
    return renderer.render(ctx, 'reset-password', {
      action: withToken(PATH, ctx),
      csrf: csrf.token(ctx),
      problems,
      account,
      passwordLength: passwordLength(config),
    });
  });

  const form = posted(deps, (ctx) => withToken(PATH, ctx));
  router.post(PATH, ...form, (ctx: Context) =>
    answerNewPassword(ctx, deps, {
      path: PATH,
      dead: 'invalid_reset_token',
      confirm: (password) => reset.confirm(token(ctx), password, anonymousActor(ctx, 'pages')),
    }),
  );
}
