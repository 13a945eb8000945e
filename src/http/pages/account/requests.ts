import type Router from '@koa/router';
import type { LoginRequest } from '../../../domain/login-requests.ts';
import type { PageParts } from '../dependencies.ts';
import type { Problem } from '../problems.ts';
import { refused } from '../replies.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/requests';

const OVER: Problem = { field: null, message: 'problem.requestOver' };
const WEAK: Problem = { field: null, message: 'problem.requestWeak' };

/** What apps ask that sign people in from elsewhere (OpenID Connect CIBA Core 1.0). */
export function requestRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, interactions, loginAnswers } = deps;

  const display = async ({ id, clientId, asked, bindingMessage, createdAt, expiresAt }: LoginRequest) => {
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

  const show = async (ctx: AccountContext, problems: Problem[]): Promise<void> => {
    const waiting = await loginAnswers.waiting(ctx.state.user.id);
    renderer.render(ctx, 'account/requests', {
      ...accountFrame(ctx, deps, 'requests'),
      action: PATH,
      problems,
      requests: await Promise.all(waiting.map(display)),
    });
  };

  router.get(PATH, ...steps.open, (ctx: AccountContext) => show(ctx, []));

  router.post(`${PATH}/:id/approve`, ...steps.postedFresh(PATH), async (ctx: AccountContext) => {
    const answered = await loginAnswers.approve(ctx.state.session, ctx.params['id'] ?? '', ownerActor(ctx));
    if (answered === 'done') return doneAt(ctx, PATH, 'approved');
    refused(ctx, { status: answered === 'weak' ? 403 : 400 });
    return show(ctx, [answered === 'weak' ? WEAK : OVER]);
  });

  router.post(`${PATH}/:id/deny`, ...steps.posted, async (ctx: AccountContext) => {
    const answered = await loginAnswers.deny(ctx.state.user.id, ctx.params['id'] ?? '', ownerActor(ctx));
    if (answered === 'done') return doneAt(ctx, PATH, 'denied');
    refused(ctx, { status: 400 });
    return show(ctx, [OVER]);
  });
}
