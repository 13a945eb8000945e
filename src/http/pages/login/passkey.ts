import type Router from '@koa/router';
import { anonymousActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import { attempt, outcomeOf } from '../sign-in.ts';
import type { SignInContext, SignInMiddleware } from './context.ts';
import { completeSignIn, typedValues } from './sign-in.ts';

/** A passkey as the whole login. The options are alike for everybody, so they tell nothing about anybody. */
export function passkeyRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  router.get(path, open, async (ctx: SignInContext) => {
    ctx.body = await deps.mfa.passkeys.loginOptions();
  });

  router.post(path, ...posted, async (ctx: SignInContext) => {
    const remember = field(ctx, 'remember') === 'yes';
    const tried = await attempt(async () => {
      const reply = jsonField(ctx, 'passkey');
      return outcomeOf(await deps.logins.loginWithPasskey(reply, anonymousActor(ctx, 'pages')), remember);
    }, passwordLength(deps.config));
    if ('signedIn' in tried) return completeSignIn(ctx, deps, tried);
    return deps.flash.leave(ctx, ctx.state.signIn.urls.signIn, { ...tried, values: typedValues(ctx) });
  });
}
