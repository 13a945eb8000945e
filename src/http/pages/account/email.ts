import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing } from '../problems.ts';
import { attempt } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/email';

/** The address: another one counts only once it is confirmed, and the old one is told. */
export function emailRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, verification, config, devMailUrl } = deps;

  router.get(PATH, ...steps.openFresh(PATH), (ctx: AccountContext) => {
    const { values } = flash.read(ctx);
    renderer.render(ctx, 'account/email', {
      ...accountFrame(ctx, deps, 'email'),
      action: PATH,
      resendAction: `${PATH}/confirm`,
      email: values['email'] ?? '',
      sentTo: values['sentTo'] ?? null,
      devMailUrl,
    });
  });

  router.post(
    PATH,
    ...steps.postedFresh(PATH, {
      fields: ['email'],
      says: (ctx) => ({ key: 'email.changeTo', params: { email: field(ctx, 'email').trim() } }),
    }),
    async (ctx: AccountContext) => {
      const email = field(ctx, 'email').trim();
      if (!email) return flash.leave(ctx, PATH, { status: 400, problems: [missing('email')] });
      const locale = renderer.language(ctx, {});
      const refusal = await attempt(
        () => verification.requestChange(ctx.state.user.id, email, ownerActor(ctx), { locale }),
        passwordLength(config),
        400,
      );
      if (!refusal) return flash.leave(ctx, PATH, { values: { sentTo: email } });
      return flash.leave(ctx, PATH, { ...refusal, values: { email } });
    },
  );

  router.post(`${PATH}/confirm`, ...steps.posted, async (ctx: AccountContext) => {
    const locale = renderer.language(ctx, {});
    await verification.request(ctx.state.user.id, ownerActor(ctx), { locale });
    doneAt(ctx, PATH, 'link');
  });
}
