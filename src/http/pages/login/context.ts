import type { Context, Middleware } from 'koa';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import type { CurrentSession } from '../../../oidc/sessions/browser-session.ts';
import type { Message } from '../i18n.ts';
import type { SignedIn } from '../sign-in.ts';
import type { Frame } from '../views.ts';

/** The pages of signing in. Forms are posted to the page that shows them. */
export interface SignInUrls {
  signIn: string;
  /** The second factor. */
  verify: string;
  /** A passkey as the whole login. */
  passkey: string;
  /** The first second factor of somebody who must have one. */
  enrol: string;
  /** Where a login that is done goes on. */
  continue: string;
  create: string;
  forgot: string;
  /** Where a link is asked for that signs in. */
  link: string;
  /** Signing in by way of another provider; the query says which. */
  upstream: string;
}

/** One sign-in: within an authorization request, or by itself. */
export interface SignIn {
  /** The path that a login under way is bound to. */
  path: string;
  urls: SignInUrls;
  /** The action of "cancel"; absent outside an authorization request. */
  cancelAction: string | undefined;
  /** What its pages show besides their own. */
  frame: Frame;
  interaction: OpenInteraction | null;
  /** Whether nothing but a passkey will do. */
  passkeyOnly: boolean;
  /** The prefilled identifier of an empty sign-in form. */
  suggestedIdentifier: string;
  /** The session of somebody who shall show again who they are. */
  present: Pick<CurrentSession, 'accountId' | 'remember'> | null;
  /** Why somebody who is signed in already shall sign in again. */
  notice: Message | undefined;
  /** Whether to ignore remembered devices: re-authentication needs every factor. */
  asksAll: boolean;
  /** The action that a re-authentication is for. */
  act: Message | undefined;
  /** Signs the browser in. @returns where it goes on. */
  finish(ctx: Context, signedIn: SignedIn): Promise<string>;
}

/** Whether the session outlives the browser. Not asked again for a person who is signed in already. */
export const remembers = ({ present }: Pick<SignIn, 'present'>, { accountId, remember }: SignedIn): boolean =>
  remember || (present?.accountId === accountId && present.remember);

/** The Koa context of its pages. */
export type SignInContext = Context & { state: { signIn: SignIn } };

/** The pages of a sign-in. @param suffix what every address ends with: a query. */
export const signInUrls = (
  base: string,
  { create, suffix = '' }: { create: string; suffix?: string },
): SignInUrls => ({
  signIn: `${base}/sign-in${suffix}`,
  verify: `${base}/sign-in/verify${suffix}`,
  passkey: `${base}/sign-in/passkey${suffix}`,
  enrol: `${base}/sign-in/enrol${suffix}`,
  continue: `${base}/sign-in/continue${suffix}`,
  create: `${base}${create}`,
  forgot: `${base}/forgot-password`,
  link: `${base}/sign-in/link${suffix}`,
  upstream: `${base}/sign-in/upstream${suffix}`,
});

/** What comes before the routes of a sign-in: of a page that is opened, and of a form that is posted. */
export interface SignInMiddleware {
  open: Middleware;
  posted: readonly Middleware[];
}
