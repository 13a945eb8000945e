import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing } from '../problems.ts';
import { qrCode } from '../qr-code.ts';
import { seeOther } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, ownerActor } from './context.ts';
import { leaveCodes } from './recovery-codes.ts';

const LIST = '/account/factors';
const PATH = `${LIST}/totp`;

/** Setting up an authenticator app. What it takes to show the page again is kept by the browser, sealed. */
export function totpRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, mfa, config, apps } = deps;

  router.get(PATH, ...steps.openFresh(LIST), (ctx: AccountContext) => {
    const enrolment = apps.read(ctx, PATH);
    if (enrolment?.accountId !== ctx.state.user.id) return seeOther(ctx, LIST);
    const { secret, uri } = enrolment;
    return renderer.render(ctx, 'account/totp', {
      ...accountFrame(ctx, deps, 'factors'),
      action: `${PATH}/confirm`,
      backUrl: LIST,
      secret,
      uri,
      qrCode: qrCode(uri),
    });
  });

  router.post(
    PATH,
    ...steps.postedFresh(LIST, { fields: ['name'], says: () => 'factors.addApp' }),
    async (ctx: AccountContext) => {
      const accountId = ctx.state.user.id;
      const begun = await mfa.totp.begin(accountId, field(ctx, 'name').trim()).catch((error: unknown) => {
        // An invalid name, which the browser's own check refuses first.
        if (!isDomainError(error, 'invalid_request')) throw error;
        return null;
      });
      if (!begun) return seeOther(ctx, LIST);
      const { id, secret, uri } = begun;
      apps.set(ctx, PATH, { accountId, id, secret, uri });
      return seeOther(ctx, PATH);
    },
  );

  router.post(`${PATH}/confirm`, ...steps.postedFresh(LIST), async (ctx: AccountContext) => {
    const accountId = ctx.state.user.id;
    const enrolment = apps.read(ctx, PATH);
    if (enrolment?.accountId !== accountId) return seeOther(ctx, LIST);
    const code = field(ctx, 'code').trim();
    if (!code) return flash.leave(ctx, PATH, { status: 400, problems: [missing('code')] });
    const confirmed = await attempt(
      () => mfa.totp.confirm(accountId, enrolment.id, code, ownerActor(ctx)),
      passwordLength(config),
      400,
    );
    if ('problems' in confirmed) return flash.leave(ctx, PATH, confirmed);
    apps.clear(ctx, PATH);
    return confirmed.recoveryCodes ? leaveCodes(ctx, deps, confirmed.recoveryCodes) : seeOther(ctx, LIST);
  });
}
