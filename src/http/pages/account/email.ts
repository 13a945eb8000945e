import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing, type Problem } from '../problems.ts';
import { refused } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/email';

/** The address: another one counts only once it is confirmed, and the old one is told. */
export function emailRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, verification, config, devMailUrl } = deps;

  const show = (
    ctx: AccountContext,
    email: string,
    problems: Problem[],
    sentTo: string | null = null,
  ): void =>
    renderer.render(ctx, 'account/email', {
      ...accountFrame(ctx, deps, 'email'),
      action: PATH,
      resendAction: `${PATH}/confirm`,
      problems,
      email,
      sentTo,
      devMailUrl,
    });

  router.get(PATH, ...steps.openFresh(PATH), (ctx: AccountContext) => show(ctx, '', []));

  router.post(PATH, ...steps.postedFresh(PATH), async (ctx: AccountContext) => {
    const email = field(ctx, 'email').trim();
    if (!email) {
      refused(ctx, { status: 400 });
      return show(ctx, email, [missing('email')]);
    }
    const locale = renderer.language(ctx, {});
    const refusal = await attempt(
      () => verification.requestChange(ctx.state.user.id, email, ownerActor(ctx), { locale }),
      passwordLength(config),
      400,
    );
    if (!refusal) return show(ctx, '', [], email);
    refused(ctx, refusal);
    return show(ctx, email, refusal.problems);
  });

  router.post(`${PATH}/confirm`, ...steps.posted, async (ctx: AccountContext) => {
    const locale = renderer.language(ctx, {});
    await verification.request(ctx.state.user.id, ownerActor(ctx), { locale });
    doneAt(ctx, PATH, 'link');
  });
}
