import type Router from '@koa/router';
import type { Context } from 'koa';
import { readEmailAddress } from '../../../core/email-address.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { leaveFrames } from '../logged-out.ts';
import { missing } from '../problems.ts';
import { seeOther } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, ownerActor } from './context.ts';

const PATH = '/account/data';
const DELETE = '/account/delete';
/** For a person whose account is deleted. */
const DELETED = `${DELETE}/done`;

/** Whether `input` is a spelling of the account's address. */
function isSameAddress(input: string, email: string): boolean {
  const read = readEmailAddress(input);
  return read !== null && read.key === readEmailAddress(email)?.key;
}

/** Data export and account deletion. */
export function dataRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, accounts, accountData, sessions, config } = deps;

  router.get(PATH, ...steps.open, (ctx: AccountContext) =>
    renderer.render(ctx, 'account/data', {
      ...accountFrame(ctx, deps, 'data'),
      downloadUrl: `${PATH}/download`,
      deleteUrl: DELETE,
    }),
  );

  router.get(`${PATH}/download`, ...steps.open, async (ctx: AccountContext) => {
    const data = await accountData(ctx.state.user.id);
    ctx.attachment('account.json');
    ctx.type = 'json';
    ctx.body = JSON.stringify(data, null, 2);
  });

  router.get(DELETE, ...steps.openFresh(DELETE), (ctx: AccountContext) => {
    const { values } = flash.read(ctx);
    renderer.render(ctx, 'account/delete', {
      ...accountFrame(ctx, deps, 'data'),
      action: DELETE,
      email: values['email'] ?? '',
    });
  });

  router.post(
    DELETE,
    ...steps.postedFresh(DELETE, { fields: ['email'], says: () => 'data.deleteNow' }),
    async (ctx: AccountContext) => {
      const { user } = ctx.state;
      const email = field(ctx, 'email').trim();
      if (!isSameAddress(email, user.email)) {
        const problem = email
          ? ({ field: 'email', message: 'problem.emailOther' } as const)
          : missing('email');
        return flash.leave(ctx, DELETE, { status: 400, problems: [problem], values: { email } });
      }
      const ending = await sessions.ending(ctx.req, ctx.res);
      const refusal = await attempt(
        () => accounts.remove(user.id, ownerActor(ctx)),
        passwordLength(config),
        400,
      );
      if (refusal) return flash.leave(ctx, DELETE, { ...refusal, values: { email } });
      await sessions.logout(ctx.req, ctx.res);
      const done = flash.keep(ctx, DELETED, { values: { deleted: 'yes' } });
      return seeOther(ctx, leaveFrames(ctx, deps, ending, done));
    },
  );

  router.get(DELETED, (ctx: Context) => {
    if (flash.read(ctx).values['deleted'] === undefined) return seeOther(ctx, '/');
    return renderer.render(ctx, 'message', {
      icon: 'check',
      title: 'account.deletedTitle',
      text: 'account.deletedText',
      link: { url: '/', label: 'action.home' },
    });
  });
}
