import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import type { Message } from '../i18n.ts';
import { missing } from '../problems.ts';
import { seeOther } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import { qrCode } from '../templates.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const FACTORS_PATH = '/account/factors';

/** Second factors: authenticator apps, passkeys and recovery codes. */
export function factorRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, mfa, config } = deps;
  const change = steps.postedFresh(FACTORS_PATH);

  const removalOf = async (ctx: AccountContext): Promise<Message> => {
    const { totp, passkeys } = await mfa.status(ctx.state.user.id);
    const factor = [...totp, ...passkeys].find(({ id }) => id === ctx.params['id']);
    return factor ? { key: 'factors.removeOf', params: { name: factor.name } } : 'action.remove';
  };

  router.get(FACTORS_PATH, ...steps.open, async (ctx: AccountContext) => {
    const status = await mfa.status(ctx.state.user.id);
    renderer.render(ctx, 'account/factors', { ...accountFrame(ctx, deps, 'factors'), status });
  });

  for (const [kind, factors] of [
    ['totp', mfa.totp],
    ['passkeys', mfa.passkeys],
  ] as const) {
    router.post(
      `${FACTORS_PATH}/${kind}/:id/remove`,
      ...steps.postedFresh(FACTORS_PATH, { fields: [], says: removalOf }),
      async (ctx: AccountContext) => {
        const { id = '' } = ctx.params;
        const refusal = await attempt(
          () => factors.remove(ctx.state.user.id, id, ownerActor(ctx)).catch(isGone),
          passwordLength(config),
          400,
        );
        return refusal
          ? flash.leave(ctx, FACTORS_PATH, refusal)
          : doneAt(ctx, FACTORS_PATH, 'factor-removed');
      },
    );
    router.post(
      `${FACTORS_PATH}/${kind}/:id/rename`,
      ...steps.postedFresh(FACTORS_PATH, { fields: ['name'], says: () => 'action.rename' }),
      async (ctx: AccountContext) => {
        const { id = '' } = ctx.params;
        const renamed = await attempt(
          () => factors.rename(ctx.state.user.id, id, field(ctx, 'name')).catch(isGone),
          passwordLength(config),
          400,
        );
        if (!renamed || !('problems' in renamed)) return doneAt(ctx, FACTORS_PATH, 'renamed');
        return flash.leave(ctx, FACTORS_PATH, renamed);
      },
    );
  }

  router.get(
    `${FACTORS_PATH}/passkeys/options`,
    ...steps.openFresh(FACTORS_PATH),
    async (ctx: AccountContext) => {
      ctx.body = await mfa.passkeys.registrationOptions(ctx.state.user.id);
    },
  );

  router.post(`${FACTORS_PATH}/passkeys`, ...change, async (ctx: AccountContext) => {
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
    if ('problems' in added) return flash.leave(ctx, FACTORS_PATH, added);
    return added.recoveryCodes ? leaveCodes(ctx, deps, added.recoveryCodes) : seeOther(ctx, FACTORS_PATH);
  });

  router.post(
    `${FACTORS_PATH}/codes`,
    ...steps.postedFresh(FACTORS_PATH, { fields: [], says: () => 'factors.newCodes' }),
    async (ctx: AccountContext) => {
      leaveCodes(ctx, deps, await mfa.recoveryCodes.regenerate(ctx.state.user.id, ownerActor(ctx)));
    },
  );
}

/** Treat a factor that another tab removed as removed. */
function isGone(error: unknown): undefined {
  if (!isDomainError(error, 'factor_not_found')) throw error;
}

const TOTP_PATH = `${FACTORS_PATH}/totp`;

/** Setting up an authenticator app. Its state is kept in a sealed cookie. */
export function totpRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, mfa, config, apps } = deps;

  router.get(TOTP_PATH, ...steps.openFresh(FACTORS_PATH), (ctx: AccountContext) => {
    const enrolment = apps.read(ctx, TOTP_PATH);
    if (enrolment?.accountId !== ctx.state.user.id) return seeOther(ctx, FACTORS_PATH);
    const { secret, uri } = enrolment;
    return renderer.render(ctx, 'account/totp', {
      ...accountFrame(ctx, deps, 'factors'),
      action: `${TOTP_PATH}/confirm`,
      backUrl: FACTORS_PATH,
      secret,
      uri,
      qrCode: qrCode(uri),
    });
  });

  router.post(
    TOTP_PATH,
    ...steps.postedFresh(FACTORS_PATH, { fields: ['name'], says: () => 'factors.addApp' }),
    async (ctx: AccountContext) => {
      const accountId = ctx.state.user.id;
      const begun = await mfa.totp.begin(accountId, field(ctx, 'name').trim()).catch((error: unknown) => {
        // An invalid name, which the browser's own validation rejects first.
        if (!isDomainError(error, 'invalid_request')) throw error;
        return null;
      });
      if (!begun) return seeOther(ctx, FACTORS_PATH);
      const { id, secret, uri } = begun;
      apps.set(ctx, TOTP_PATH, { accountId, id, secret, uri });
      return seeOther(ctx, TOTP_PATH);
    },
  );

  router.post(`${TOTP_PATH}/confirm`, ...steps.postedFresh(FACTORS_PATH), async (ctx: AccountContext) => {
    const accountId = ctx.state.user.id;
    const enrolment = apps.read(ctx, TOTP_PATH);
    if (enrolment?.accountId !== accountId) return seeOther(ctx, FACTORS_PATH);
    const code = field(ctx, 'code').trim();
    if (!code) return flash.leave(ctx, TOTP_PATH, { status: 400, problems: [missing('code')] });
    const confirmed = await attempt(
      () => mfa.totp.confirm(accountId, enrolment.id, code, ownerActor(ctx)),
      passwordLength(config),
      400,
    );
    if ('problems' in confirmed) return flash.leave(ctx, TOTP_PATH, confirmed);
    apps.clear(ctx, TOTP_PATH);
    return confirmed.recoveryCodes
      ? leaveCodes(ctx, deps, confirmed.recoveryCodes)
      : seeOther(ctx, FACTORS_PATH);
  });
}

const CODES_PATH = `${FACTORS_PATH}/codes`;

/** Redirects to the page with new recovery codes. */
export const leaveCodes = (ctx: AccountContext, { flash }: PageParts, codes: readonly string[]): void =>
  flash.leave(ctx, CODES_PATH, { values: { codes: codes.join(' ') } });

/** Shows recovery codes for a few minutes, while the same sign-in could also generate new ones. */
export function recoveryCodeRoutes(router: Router, { openFresh }: AccountSteps, deps: PageParts): void {
  router.get(CODES_PATH, ...openFresh(FACTORS_PATH), (ctx: AccountContext) => {
    const { codes } = deps.flash.read(ctx).values;
    if (codes === undefined) return seeOther(ctx, FACTORS_PATH);
    return deps.renderer.render(ctx, 'account/codes', {
      ...accountFrame(ctx, deps, 'factors'),
      codes: codes.split(' '),
      continueUrl: FACTORS_PATH,
    });
  });
}
