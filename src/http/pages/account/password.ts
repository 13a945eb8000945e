import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing, type Problem } from '../problems.ts';
import { refused } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/password';

/** Changing the password signs out everywhere but here. */
export function passwordRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, accounts, sessions, config } = deps;

  const show = (ctx: AccountContext, problems: Problem[]): void =>
    renderer.render(ctx, 'account/password', {
      ...accountFrame(ctx, deps, 'password'),
      action: PATH,
      problems,
      passwordLength: passwordLength(config),
      hasPassword: ctx.state.user.hasPassword,
    });

  router.get(PATH, ...steps.openFresh(PATH), (ctx: AccountContext) => show(ctx, []));

  router.post(PATH, ...steps.postedFresh(PATH), async (ctx: AccountContext) => {
    const { user, session } = ctx.state;
    const [current, next] = [field(ctx, 'current'), field(ctx, 'password')];
    const empty = [
      user.hasPassword && !current ? missing('current') : [],
      next ? [] : missing('password'),
    ].flat();
    if (empty.length > 0) {
      refused(ctx, { status: 400 });
      return show(ctx, empty);
    }
    const changed = await attempt(
      () => accounts.changePassword(user.id, user.hasPassword ? current : null, next, ownerActor(ctx)),
      passwordLength(config),
      400,
    );
    if ('problems' in changed) {
      refused(ctx, changed);
      return show(ctx, changed.problems);
    }
    await sessions.login(ctx.req, ctx.res, session);
    return doneAt(ctx, '/account', 'password');
  });
}
