import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import type { Message } from '../i18n.ts';
import { seeOther } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import {
  beginUpstreamSignIn,
  finishUpstreamSignIn,
  returnedIdentity,
  showLost,
  upstreamButtons,
} from '../upstream/sign-in.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/identities';
const LINK = `${PATH}/link`;

/**
 * Identities at other providers. To connect one, a person must have just signed in with all their factors, and sees whose
 * identity it is first: a sign-in that somebody else started in their browser connects nothing.
 */
export function identityRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, csrf, flash, upstream, config } = deps;
  const { registry, accounts } = upstream;
  const nameOf = (id: string): string => registry.nameOf(id) ?? id;

  const removalOf = async (ctx: AccountContext): Promise<Message> => {
    const linked = await accounts.identitiesOf(ctx.state.user.id);
    const one = linked.find(({ id }) => id === ctx.params['id']);
    if (!one) return 'identities.remove';
    return { key: 'identities.removeOf', params: { provider: nameOf(one.upstream) } };
  };

  router.get(PATH, ...steps.open, async (ctx: AccountContext) => {
    const linked = await accounts.identitiesOf(ctx.state.user.id);
    renderer.render(ctx, 'account/identities', {
      ...accountFrame(ctx, deps, 'identities'),
      identities: linked.map((one) => ({ ...one, name: nameOf(one.upstream) })),
      ...upstreamButtons(renderer, registry.list(), LINK),
    });
  });

  router.get(LINK, ...steps.openFresh(PATH), async (ctx: AccountContext) => {
    if (ctx.query['with'] !== undefined)
      return beginUpstreamSignIn(ctx, deps, { onward: LINK, path: PATH, back: PATH, again: false });
    const returned = returnedIdentity(ctx, deps, PATH);
    if (!returned) return showLost(ctx, deps, PATH);
    const { identity } = returned;
    return renderer.render(ctx, 'account/link-identity', {
      ...accountFrame(ctx, deps, 'identities'),
      action: `${LINK}?${ctx.querystring}`,
      csrf: csrf.token(ctx),
      name: nameOf(identity.upstream),
      label: identity.label,
      backUrl: PATH,
    });
  });

  router.post(LINK, ...steps.postedFresh(PATH), async (ctx: AccountContext) => {
    const returned = returnedIdentity(ctx, deps, PATH);
    if (!returned) return seeOther(ctx, LINK);
    finishUpstreamSignIn(ctx, deps, PATH);
    const refusal = await attempt(
      () => accounts.link(ctx.state.user.id, returned.identity, returned.once, ownerActor(ctx)),
      passwordLength(config),
      400,
    );
    return refusal ? flash.leave(ctx, PATH, refusal) : doneAt(ctx, PATH, 'identity');
  });

  router.post(
    `${PATH}/:id/remove`,
    ...steps.postedFresh(PATH, { fields: [], says: removalOf }),
    async (ctx: AccountContext) => {
      const removed = await attempt(
        () => accounts.unlink(ctx.state.user.id, ctx.params['id'] ?? '', ownerActor(ctx)),
        passwordLength(config),
        400,
      );
      if (typeof removed === 'boolean') return doneAt(ctx, PATH, 'identity-removed');
      return flash.leave(ctx, PATH, removed);
    },
  );
}
