import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import type { Message } from '../i18n.ts';
import { seeOther } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';
import { leaveCodes } from './recovery-codes.ts';

const PATH = '/account/factors';

/** Second factors: authenticator apps, passkeys and recovery codes. */
export function factorRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, mfa, config } = deps;
  const change = steps.postedFresh(PATH);

  const removalOf = async (ctx: AccountContext): Promise<Message> => {
    const { totp, passkeys } = await mfa.status(ctx.state.user.id);
    const factor = [...totp, ...passkeys].find(({ id }) => id === ctx.params['id']);
    return factor ? { key: 'factors.removeOf', params: { name: factor.name } } : 'action.remove';
  };

  router.get(PATH, ...steps.open, async (ctx: AccountContext) => {
    const status = await mfa.status(ctx.state.user.id);
    renderer.render(ctx, 'account/factors', { ...accountFrame(ctx, deps, 'factors'), status });
  });

  for (const [kind, factors] of [
    ['totp', mfa.totp],
    ['passkeys', mfa.passkeys],
  ] as const) {
    router.post(
      `${PATH}/${kind}/:id/remove`,
      ...steps.postedFresh(PATH, { fields: [], says: removalOf }),
      async (ctx: AccountContext) => {
        const { id = '' } = ctx.params;
        const refusal = await attempt(
          () => factors.remove(ctx.state.user.id, id, ownerActor(ctx)).catch(isGone),
          passwordLength(config),
          400,
        );
        return refusal ? flash.leave(ctx, PATH, refusal) : doneAt(ctx, PATH, 'factor-removed');
      },
    );
    router.post(
      `${PATH}/${kind}/:id/rename`,
      ...steps.postedFresh(PATH, { fields: ['name'], says: () => 'action.rename' }),
      async (ctx: AccountContext) => {
        const { id = '' } = ctx.params;
        const renamed = await attempt(
          () => factors.rename(ctx.state.user.id, id, field(ctx, 'name')).catch(isGone),
          passwordLength(config),
          400,
        );
        if (!renamed || !('problems' in renamed)) return doneAt(ctx, PATH, 'renamed');
        return flash.leave(ctx, PATH, renamed);
      },
    );
  }

  router.get(`${PATH}/passkeys/options`, ...steps.openFresh(PATH), async (ctx: AccountContext) => {
    ctx.body = await mfa.passkeys.registrationOptions(ctx.state.user.id);
  });

  router.post(`${PATH}/passkeys`, ...change, async (ctx: AccountContext) => {
    const added = await attempt(
      () =>
        mfa.passkeys.register(
          ctx.state.user.id,
          jsonField(ctx, 'passkey'),
          field(ctx, 'name'),
          ownerActor(ctx),
        ),
      passwordLength(config),
      400,
    );
    if ('problems' in added) return flash.leave(ctx, PATH, added);
    return added.recoveryCodes ? leaveCodes(ctx, deps, added.recoveryCodes) : seeOther(ctx, PATH);
  });

  router.post(
    `${PATH}/codes`,
    ...steps.postedFresh(PATH, { fields: [], says: () => 'factors.newCodes' }),
    async (ctx: AccountContext) => {
      leaveCodes(ctx, deps, await mfa.recoveryCodes.regenerate(ctx.state.user.id, ownerActor(ctx)));
    },
  );
}

/** Treat a factor that another tab removed as removed. */
function isGone(error: unknown): undefined {
  if (!isDomainError(error, 'factor_not_found')) throw error;
}
