import { FRESH } from '../../../domain/mfa/index.ts';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import { epochSeconds } from '../../../core/clock.ts';
import type { PageParts } from '../dependencies.ts';
import { beginEnrolment } from '../login/enrol.ts';
import type { SignInContext } from '../login/context.ts';
import { seeOther } from '../replies.ts';
import { PHISHING_RESISTANT } from './sign-in.ts';
import { ACR_ONE_FACTOR, firstFactorOf } from '../sign-in.ts';

/** The app wants a stronger login than the session has: on to the second factor, or to setting one up. */
export async function stepUp(
  ctx: SignInContext & { state: { interaction: OpenInteraction } },
  deps: PageParts,
): Promise<void> {
  const { signIn, interaction } = ctx.state;
  const { accountId, acr } = interaction;
  const isOutOfReach = acr === PHISHING_RESISTANT && !deps.mfa.passkeys.available;
  if (acr === undefined || isOutOfReach)
    return seeOther(ctx, await deps.interactions.unmet(ctx.req, ctx.res));
  if (accountId === undefined) return seeOther(ctx, signIn.urls.signIn);
  // The account before its session: what ends the session in between ends this as well.
  const account = await deps.accounts.find(accountId);
  const session = await deps.sessions.current(ctx.req, ctx.res);
  if (!account) return seeOther(ctx, signIn.urls.signIn);
  const first = firstFactorOf(session?.amr ?? []);
  const { token, methods } = await deps.logins.beginStepUp(accountId, first);
  // Keep the session's lifetime: remembered or not, as before.
  deps.pending.set(ctx, signIn.path, { token, remember: true });
  const isEnough = signIn.passkeyOnly ? methods.includes('passkey') : methods.length > 0;
  if (isEnough) return seeOther(ctx, signIn.urls.verify);
  // Adding a factor needs a recent sign-in with all existing factors.
  const isFresh = session !== null && epochSeconds(deps.clock) - session.authTime < FRESH;
  if (methods.length > 0 && !(isFresh && session.acr !== ACR_ONE_FACTOR))
    return seeOther(ctx, signIn.urls.verify);
  return isFresh ? beginEnrolment(ctx, deps, signIn, account, first) : seeOther(ctx, signIn.urls.signIn);
}
