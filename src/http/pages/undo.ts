import type Router from '@koa/router';
import type { Context } from 'koa';
import { isDomainError } from '../../core/errors.ts';
import { anonymousActor } from '../actor.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field } from './form.ts';
import { showDeadLink, token, withToken } from './link-token.ts';
import { posted } from './posted.ts';
import { missing } from './problems.ts';
import { attempt, type Refusal } from './sign-in.ts';

const PATH = '/undo';

/** The address is not one of the form. */
function isTaken(error: unknown): Refusal {
  if (!isDomainError(error, 'email_taken')) throw error;
  return { status: 409, problems: [{ field: null, message: 'undo.taken' }] };
}

/** Where the links lead that take a change of an account back. Opening the page does nothing. */
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
  router.post(PATH, ...form, async (ctx: Context) => {
    const page = withToken(PATH, ctx);
    const password = field(ctx, 'password');
    if (!password) return flash.leave(ctx, page, { status: 400, problems: [missing('password')] });
    try {
      const done = await attempt(
        () => undo.confirm(token(ctx), password, anonymousActor(ctx, 'pages')).catch(isTaken),
        passwordLength(config),
        400,
      );
      return flash.leave(ctx, page, 'problems' in done ? done : { values: { done: 'yes' } });
    } catch (error) {
      if (!isDomainError(error, 'invalid_undo_token')) throw error;
      return flash.leave(ctx, page, { values: { dead: 'yes' } });
    }
  });
}
