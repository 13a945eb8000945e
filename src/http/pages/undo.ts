import type Router from '@koa/router';
import type { Context } from 'koa';
import { isDomainError } from '../../core/errors.ts';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { answerNewPassword, showDeadLink, token, withToken } from './reset-password.ts';
import { posted } from './form.ts';
import type { Refusal } from './sign-in.ts';

const PATH = '/undo';

/** The former address belongs to another account now. The form has no field for it. */
function isTaken(error: unknown): Refusal {
  if (!isDomainError(error, 'email_taken')) throw error;
  return { status: 409, problems: [{ field: null, message: 'undo.taken' }] };
}

/** Pages of the links that undo a change of an account. Opening one changes nothing. */
export function undoRoutes(router: Router, deps: PageParts): void {
  const { config, renderer, csrf, flash, undo } = deps;

  router.get(PATH, async (ctx: Context) => {
    const { problems, values } = flash.read(ctx);
    if (values['done'] !== undefined)
      return renderer.render(ctx, 'message', {
        icon: 'check',
        title: 'undo.doneTitle',
        text: 'undo.doneText',
        link: { url: '/sign-in', label: 'action.signIn' },
      });
    const found = values['dead'] === undefined && (await undo.peek(token(ctx), anonymousActor(ctx, 'pages')));
    if (!found) return showDeadLink(ctx, renderer, 'link.deadUndo');
    return renderer.render(ctx, 'undo', {
      ...found,
      action: withToken(PATH, ctx),
      csrf: csrf.token(ctx),
      problems,
      passwordLength: passwordLength(config),
    });
  });

  const form = posted(deps, (ctx) => withToken(PATH, ctx));
  router.post(PATH, ...form, (ctx: Context) =>
    answerNewPassword(ctx, deps, {
      path: PATH,
      dead: 'invalid_undo_token',
      confirm: (password) => undo.confirm(token(ctx), password, anonymousActor(ctx, 'pages')).catch(isTaken),
    }),
  );
}
