import type Router from '@koa/router';
import { type PageDependencies, pageParts } from './dependencies.ts';
import { accountRoutes } from './account/index.ts';
import { loggedOutRoutes } from './logged-out.ts';
import { interactionRoutes } from './interaction/routes.ts';
import { resetPasswordRoutes } from './reset-password.ts';
import { signInLinkRoutes } from './sign-in-link.ts';
import { standaloneRoutes } from './standalone.ts';
import { undoRoutes } from './undo.ts';
import { upstreamCallbackRoutes } from './upstream/sign-in.ts';
import { verifyEmailRoutes } from './verify-email.ts';
import { viewRoutes } from './viewing.ts';
import { wellKnownRoutes } from './well-known.ts';

/** Every hosted page. */
export function pageRoutes(router: Router, dependencies: PageDependencies): void {
  const parts = pageParts(dependencies);
  standaloneRoutes(router, parts);
  loggedOutRoutes(router, parts);
  interactionRoutes(router, parts);
  resetPasswordRoutes(router, parts);
  signInLinkRoutes(router, parts);
  verifyEmailRoutes(router, parts);
  undoRoutes(router, parts);
  upstreamCallbackRoutes(router, parts);
  viewRoutes(router, parts);
  accountRoutes(router, parts);
  wellKnownRoutes(router, parts);
}
