import type Router from '@koa/router';
import type { Context } from 'koa';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { interactionPath } from './interaction/sign-in.ts';
import { showDeadLink, token, withToken } from './link-token.ts';
import { answerNewPassword } from './new-password.ts';
import { posted } from './form.ts';

const PATH = '/reset-password';

/**
 * Choosing a new password by a link from the mail, on whatever device that is read. It signs nobody in: who has a
 * second factor still needs it.
 */
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
