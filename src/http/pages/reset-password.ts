import type Router from '@koa/router';
import type { Context } from 'koa';
import type { User } from '../../domain/users/index.ts';
import { isDomainError } from '../../kernel/errors.ts';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field, readForm } from './form.ts';
import { interactionPath } from './interaction/place.ts';
import { token, withToken } from './link-token.ts';
import { missing, problemOf, type Problem } from './problems.ts';
import { refused } from './replies.ts';

const PATH = '/reset-password';

/**
 * Choosing a new password by a link from the mail, on whatever device that is read. It signs nobody in: who has a
 * second factor still needs it.
 */
export function resetPasswordRoutes(router: Router, deps: PageParts): void {
  const { config, renderer, csrf, reset, returns } = deps;

  const show = (ctx: Context, account: User, problems: Problem[]): void =>
    renderer.render(ctx, 'reset-password', {
      action: withToken(PATH, ctx),
      csrf: csrf.token(ctx),
      problems,
      account,
      passwordLength: passwordLength(config),
    });

  const showDead = (ctx: Context): void => {
    ctx.status = 400;
    renderer.render(ctx, 'message', {
      icon: 'hourglass',
      title: 'link.deadTitle',
      text: 'link.deadReset',
      link: { url: '/forgot-password', label: 'link.again' },
    });
  };

  router.get(PATH, async (ctx: Context) => {
    const account = await reset.peek(token(ctx), anonymousActor(ctx, 'pages'));
    if (account) show(ctx, account, []);
    else showDead(ctx);
  });

  router.post(PATH, readForm, async (ctx: Context) => {
    csrf.check(ctx, ctx.request.body);
    const account = await reset.peek(token(ctx), anonymousActor(ctx, 'pages'));
    if (!account) return showDead(ctx);
    const password = field(ctx, 'password');
    if (!password) {
      refused(ctx, { status: 400 });
      return show(ctx, account, [missing('password')]);
    }
    try {
      await reset.confirm(token(ctx), password, anonymousActor(ctx, 'pages'));
    } catch (error) {
      if (!isDomainError(error)) throw error;
      if (error.code === 'invalid_reset_token') return showDead(ctx);
      const problem = problemOf(error, passwordLength(config));
      if (!problem) throw error;
      refused(ctx, {
        status: error.code === 'weak_password' ? 400 : 503,
        retryAfter: error.details.retryAfter,
      });
      return show(ctx, account, [problem]);
    }
    const left = returns.read(ctx, '/');
    return renderer.render(ctx, 'message', {
      icon: 'check',
      title: 'reset.doneTitle',
      text: left ? 'reset.doneReturn' : 'reset.doneText',
      link: { url: left ? `${interactionPath(left)}/sign-in` : '/sign-in', label: 'action.signIn' },
    });
  });
}
