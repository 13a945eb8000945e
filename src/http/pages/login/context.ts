import type { Context, Middleware } from 'koa';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import type { CurrentSession } from '../../../oidc/sessions/browser-session.ts';
import type { Message } from '../i18n.ts';
import type { SignedIn } from '../sign-in.ts';
import type { Frame } from '../views.ts';

/** The paths of the sign-in pages. Forms are posted to the page that shows them. */
export interface SignInUrls {
  signIn: string;
  /** The second factor. */
  verify: string;
  /** A login with only a passkey. */
  passkey: string;
  /** Setting up the first second factor, for an account that must have one. */
  enrol: string;
  /** Where a finished login continues. */
  continue: string;
  create: string;
  forgot: string;
  /** Where a person requests a sign-in link. */
  link: string;
  /** Signing in at another provider, which the query names. */
  upstream: string;
}

/** One sign-in: within an authorization request, or alone. */
export interface SignIn {
  /** The path that a login in progress is bound to. */
  path: string;
  urls: SignInUrls;
  /** The action of "cancel"; absent outside an authorization request. */
  cancelAction: string | undefined;
  /** Additional data of its pages. */
  frame: Frame;
  interaction: OpenInteraction | null;
  /** Whether only a passkey is accepted. */
  passkeyOnly: boolean;
  /** The prefilled identifier of an empty sign-in form. */
  suggestedIdentifier: string;
  /** The session of a person who has to authenticate again. */
  present: Pick<CurrentSession, 'accountId' | 'remember'> | null;
  /** Why a person who is already signed in has to sign in again. */
  notice: Message | undefined;
  /** Whether to ignore remembered devices: re-authentication needs every factor. */
  asksAll: boolean;
  /** The action that needs a re-authentication. */
  act: Message | undefined;
  /** Signs the browser in. @returns where it continues. */
  finish(ctx: Context, signedIn: SignedIn): Promise<string>;
}

/** Whether the session outlives the browser. A person who is already signed in is not asked again. */
export const remembers = ({ present }: Pick<SignIn, 'present'>, { accountId, remember }: SignedIn): boolean =>
  remember || (present?.accountId === accountId && present.remember);

/** The Koa context of its pages. */
export type SignInContext = Context & { state: { signIn: SignIn } };

/** The pages of a sign-in. @param suffix a query to append to every path. */
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

/** Middleware of a sign-in's routes: for a page that is opened, and for a form that is posted. */
export interface SignInMiddleware {
  open: Middleware;
  posted: readonly Middleware[];
}
