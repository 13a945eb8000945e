import type Router from '@koa/router';
import type { BackchannelRequest } from '../../../domain/backchannel-requests.ts';
import { displayClient } from '../client-display.ts';
import type { PageParts } from '../dependencies.ts';
import type { Message } from '../i18n.ts';
import type { Problem } from '../problems.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/requests';

const OVER: Problem = { field: null, message: 'problem.requestOver' };
const WEAK: Problem = { field: null, message: 'problem.requestWeak' };

/** Sign-in requests of apps on other devices (OpenID Connect CIBA Core 1.0). */
export function requestRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, interactions, backchannelAnswers, impersonation } = deps;

  const display = async ({
    id,
    clientId,
    asked,
    bindingMessage,
    createdAt,
    expiresAt,
  }: BackchannelRequest) => {
    const { client, apis } = await interactions.describe(clientId, Object.keys(asked.resourceScopes));
    return {
      id,
      client: client ?? { clientId },
      bindingMessage,
      createdAt,
      expiresAt,
      scopes: asked.oidcScopes,
      apis: apis.map(({ identifier, name }) => ({ name, scopes: asked.resourceScopes[identifier] ?? [] })),
    };
  };

  const approvalOf = async (ctx: AccountContext): Promise<Message> => {
    const waiting = await backchannelAnswers.waiting(ctx.state.user.id);
    const request = waiting.find(({ id }) => id === ctx.params['id']);
    if (!request) return 'requests.approve';
    const { client } = await display(request);
    return { key: 'requests.approveOf', params: { client: displayClient(client, true).name } };
  };

  router.get(PATH, ...steps.open, async (ctx: AccountContext) => {
    const { id } = ctx.state.user;
    const [waiting, views] = await Promise.all([backchannelAnswers.waiting(id), impersonation.waiting(id)]);
    renderer.render(ctx, 'account/requests', {
      ...accountFrame(ctx, deps, 'requests'),
      action: PATH,
      requests: await Promise.all(waiting.map(display)),
      views,
    });
  });

  router.post(
    `${PATH}/:id/approve`,
    ...steps.postedFresh(PATH, { fields: [], says: approvalOf }),
    async (ctx: AccountContext) => {
      const answered = await backchannelAnswers.approve(
        ctx.state.session,
        ctx.params['id'] ?? '',
        ownerActor(ctx),
      );
      if (answered === 'done') return doneAt(ctx, PATH, 'approved');
      const refusal =
        answered === 'weak' ? { status: 403, problems: [WEAK] } : { status: 400, problems: [OVER] };
      return flash.leave(ctx, PATH, refusal);
    },
  );

  router.post(`${PATH}/:id/deny`, ...steps.posted, async (ctx: AccountContext) => {
    const answered = await backchannelAnswers.deny(
      ctx.state.user.id,
      ctx.params['id'] ?? '',
      ownerActor(ctx),
    );
    if (answered === 'done') return doneAt(ctx, PATH, 'denied');
    return flash.leave(ctx, PATH, { status: 400, problems: [OVER] });
  });

  for (const [answer, approved] of [
    ['approve', true],
    ['deny', false],
  ] as const) {
    router.post(`${PATH}/views/:id/${answer}`, ...steps.posted, async (ctx: AccountContext) => {
      const { user } = ctx.state;
      const done = await impersonation.answer(user.id, ctx.params['id'] ?? '', approved, ownerActor(ctx));
      if (!done) return flash.leave(ctx, PATH, { status: 400, problems: [OVER] });
      return doneAt(ctx, PATH, approved ? 'view-approved' : 'view-denied');
    });
  }
}
