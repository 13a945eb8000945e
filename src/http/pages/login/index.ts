/** The sign-in pages, the same within an authorization request and outside. */
import type Router from '@koa/router';
import type { Middleware } from 'koa';
import type { PageParts } from '../dependencies.ts';
import { posted } from '../form.ts';
import { createAccountRoutes } from './create-account.ts';
import { enrolRoutes } from './enrol.ts';
import { forgotPasswordRoutes, linkRoutes } from './mailed-links.ts';
import { continueRoutes, passkeyRoutes, signInRoutes } from './sign-in.ts';
import type { SignInUrls, SignInMiddleware } from './context.ts';
import { secondFactorRoutes } from './second-factor.ts';
import { upstreamRoutes } from './upstream.ts';

/** @param open sets the `SignIn` on the context, or answers the request itself. */
export function loginRoutes(router: Router, paths: SignInUrls, open: Middleware, deps: PageParts): void {
  // The page that asks for the password also sends the passkey.
  const form = posted(deps, ({ url }) => url.replace('/sign-in/passkey', '/sign-in'));
  const steps: SignInMiddleware = { open, posted: [...form, open] };
  signInRoutes(router, paths.signIn, steps, deps);
  secondFactorRoutes(router, paths.verify, steps, deps);
  passkeyRoutes(router, paths.passkey, steps, deps);
  enrolRoutes(router, paths.enrol, steps, deps);
  upstreamRoutes(router, paths.upstream, steps, deps);
  continueRoutes(router, paths.continue, steps, deps);
  createAccountRoutes(router, paths.create, steps, deps);
  linkRoutes(router, paths.link, steps, deps);
  forgotPasswordRoutes(router, paths.forgot, steps, deps);
}
