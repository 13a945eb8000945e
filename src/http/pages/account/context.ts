import type Router from '@koa/router';
import type { Context, Next } from 'koa';
import type { Actor } from '../../../core/actor.ts';
import type { User } from '../../../domain/users/index.ts';
import type { CurrentSession } from '../../../oidc/sessions/browser-session.ts';
import { userActor } from '../../actor.ts';
import type { PageParts } from '../dependencies.ts';
import { field, posted } from '../form.ts';
import type { Message, MessageKey } from '../i18n.ts';
import { seeOther } from '../replies.ts';
import type { AccountFrame } from '../views.ts';

/** The page that resumes a form after a sign-in. */
export const CONTINUE = '/account/continue';

/** Maximum length of a field. */
const MAX_FIELD_LENGTH = 320;

/** Keeps a form whose sender has to sign in again. @param names the fields to keep: none with a secret. */
export function keepAct(
  ctx: Context,
  { acts }: Pick<PageParts, 'acts'>,
  accountId: string,
  names: readonly string[],
  says: Message,
): void {
  const fields = Object.fromEntries(names.map((name) => [name, field(ctx, name).slice(0, MAX_FIELD_LENGTH)]));
  acts.set(ctx, '/', { accountId, says, action: ctx.url, fields });
}

export type AccountContext = Context & {
  params: Record<string, string>;
  state: { user: User; session: CurrentSession };
};

/** The part of a form that is kept during a new sign-in. */
interface Kept {
  /** Its fields: none with a secret. */
  fields: readonly string[];
  /** Describes the action to its sender, who has to sign in again. */
  says(ctx: AccountContext): Message | Promise<Message>;
}

/** Confirmation messages by the name in the query. */
const DONE = {
  'profile': 'account.doneProfile',
  'password': 'account.donePassword',
  'link': 'account.doneLink',
  'factor-removed': 'account.doneFactorRemoved',
  'renamed': 'account.doneRenamed',
  'session': 'account.doneSession',
  'sessions': 'account.doneSessions',
  'app': 'account.doneApp',
  'key': 'account.doneKey',
  'approved': 'account.doneApproved',
  'denied': 'account.doneDenied',
  'view-approved': 'account.doneViewApproved',
  'view-denied': 'account.doneViewDenied',
  'identity': 'account.doneIdentity',
  'identity-removed': 'account.doneIdentityRemoved',
} as const satisfies Record<string, MessageKey>;

/** The URL of a page that reports what was done. */
export const doneUrl = (path: string, what: keyof typeof DONE): string => `${path}?done=${what}`;

/** Redirects to it. */
export const doneAt = (ctx: Context, path: string, what: keyof typeof DONE): void =>
  seeOther(ctx, doneUrl(path, what));

export const ownerActor = (ctx: AccountContext): Actor => userActor(ctx, 'pages', ctx.state.user.id);

/** The page of a form that was posted to a path below it. */
const pageOf = ({ path }: Context): string => path.split('/').slice(0, 3).join('/');

/** Middleware of the account pages. */
export function accountSteps({ sessions, mfa, ...deps }: PageParts) {
  const signInFor = (ctx: Context, path: string) =>
    seeOther(ctx, `/sign-in?${new URLSearchParams({ next: path }).toString()}`);

  /** Requires a sign-in; others sign in first and return. */
  const signedIn = async (ctx: AccountContext, next: Next): Promise<void> => {
    const owner = await sessions.owner(ctx.req, ctx.res);
    if (!owner || (await mfa.lacksRequired(owner.user)))
      return signInFor(ctx, ctx.method === 'POST' ? pageOf(ctx) : ctx.path);
    Object.assign(ctx.state, owner);
    return next();
  };

  /**
   * Requires a sign-in within the last few minutes, with every factor that the account requires. @param page where the person
   * returns.
   */
  const fresh =
    (page: string, kept?: Kept) =>
    async (ctx: AccountContext, next: Next): Promise<void> => {
      const { session, user } = ctx.state;
      if (!(await mfa.lacking(user.id, session))) return next();
      if (kept === undefined) return signInFor(ctx, page);
      keepAct(ctx, deps, user.id, kept.fields, await kept.says(ctx));
      return signInFor(ctx, CONTINUE);
    };

  const form = posted(deps, pageOf);

  return {
    open: [signedIn],
    posted: [...form, signedIn],
    /** The same for changes of the sign-in methods. */
    openFresh: (page: string) => [signedIn, fresh(page)],
    /** @param kept the parts of the form to resubmit after the sign-in; without it, the person fills the form in again. */
    postedFresh: (page: string, kept?: Kept) => [...form, signedIn, fresh(page, kept)],
  };
}

export type AccountSteps = ReturnType<typeof accountSteps>;

/** View data of every account page. */
export function accountFrame(
  ctx: AccountContext,
  { csrf, flash, upstream }: PageParts,
  section: AccountFrame['section'],
): AccountFrame {
  const done = ctx.query['done'];
  const isKnown = typeof done === 'string' && Object.hasOwn(DONE, done);
  return {
    section,
    account: ctx.state.user,
    hasUpstreams: upstream.registry.list().length > 0,
    csrf: csrf.token(ctx),
    problems: flash.read(ctx).problems,
    done: isKnown ? DONE[done as keyof typeof DONE] : null,
  };
}

/** Resumes a form that a sign-in interrupted, for the same person: submits it again. */
export function interruptedRoutes(router: Router, { openFresh }: AccountSteps, deps: PageParts): void {
  const { renderer, acts } = deps;
  router.get(CONTINUE, ...openFresh('/account'), (ctx: AccountContext) => {
    const act = acts.read(ctx, '/');
    acts.clear(ctx, '/');
    if (act?.accountId !== ctx.state.user.id) return seeOther(ctx, '/account');
    const { action, fields } = act;
    return renderer.render(ctx, 'account/continue', {
      ...accountFrame(ctx, deps, 'overview'),
      action,
      fields,
    });
  });
}
