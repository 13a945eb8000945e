import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing } from '../problems.ts';
import { attempt, signInBrowser } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/password';

/** Changing the password signs out everywhere but here. */
export function passwordRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, accounts, config } = deps;

  router.get(PATH, ...steps.openFresh(PATH), (ctx: AccountContext) =>
    renderer.render(ctx, 'account/password', {
      ...accountFrame(ctx, deps, 'password'),
      action: PATH,
      passwordLength: passwordLength(config),
      hasPassword: ctx.state.user.hasPassword,
    }),
  );

  router.post(PATH, ...steps.postedFresh(PATH), async (ctx: AccountContext) => {
    const { user, session } = ctx.state;
    const [current, next] = [field(ctx, 'current'), field(ctx, 'password')];
    const empty = [
      user.hasPassword && !current ? missing('current') : [],
      next ? [] : missing('password'),
    ].flat();
    if (empty.length > 0) return flash.leave(ctx, PATH, { status: 400, problems: empty });
    const changed = await attempt(
      () => accounts.changePassword(user.id, user.hasPassword ? current : null, next, ownerActor(ctx)),
      passwordLength(config),
      400,
    );
    if ('problems' in changed) return flash.leave(ctx, PATH, changed);
    await signInBrowser(ctx, deps, { ...session, securityVersion: changed.securityVersion });
    return doneAt(ctx, '/account', 'password');
  });
}
