/** The console at /admin: pages for operators, over the same use cases as the management API. */
import Router from '@koa/router';
import type { Middleware } from 'koa';
import { clientActRoutes } from './clients/acts.ts';
import { clientRoutes } from './clients/client.ts';
import { clientListRoutes } from './clients/list.ts';
import { wizardRoutes } from './clients/wizard.ts';
import { addSentences } from '../pages/i18n.ts';
import { consoleSentences } from '../pages/console-sentences.ts';
import { apiRoutes } from './apis/index.ts';
import { upstreamRoutes } from './upstreams/index.ts';
import { continueRoutes, shortcutRoutes, themeRoutes, unknownRoutes } from './home/odds.ts';
import { attributeRoutes } from './home/attributes.ts';
import { healthRoutes } from './home/health.ts';
import { auditRoutes } from './audit/index.ts';
import { brandingRoutes } from './branding/index.ts';
import { contractRoutes } from './contracts/index.ts';
import { overviewRoutes } from './home/overview.ts';
import { searchRoutes } from './home/search.ts';
import { settingsRoutes } from './home/settings.ts';
import { keyRoutes } from './keys/index.ts';
import { mailRoutes } from './mail/index.ts';
import { apiKeyRoutes, registrationTokenRoutes, scimTokenRoutes } from './tokens/index.ts';
import { webhookRoutes } from './webhooks/index.ts';
import { groupRoutes } from './groups/index.ts';
import { roleRoutes } from './roles/index.ts';
import { type ConsoleDependencies, createRoom, type Room } from './room.ts';
import { sessionRoutes } from './sessions/index.ts';
import { actRoutes } from './users/acts.ts';
import { bulkRoutes } from './users/bulk.ts';
import { createRoutes } from './users/create.ts';
import { peopleRoutes } from './users/list.ts';
import { personRoutes } from './users/person.ts';

/** The pages of each section. */
const PAGES: readonly ((room: Room) => void)[] = [
  unknownRoutes,
  overviewRoutes,
  shortcutRoutes,
  themeRoutes,
  continueRoutes,
  searchRoutes,
  settingsRoutes,
  attributeRoutes,
  healthRoutes,
  auditRoutes,
  contractRoutes,
  mailRoutes,
  webhookRoutes,
  brandingRoutes,
  keyRoutes,
  apiKeyRoutes,
  registrationTokenRoutes,
  scimTokenRoutes,
  clientListRoutes,
  clientRoutes,
  clientActRoutes,
  wizardRoutes,
  personRoutes,
  actRoutes,
  peopleRoutes,
  bulkRoutes,
  createRoutes,
  groupRoutes,
  roleRoutes,
  sessionRoutes,
  apiRoutes,
  upstreamRoutes,
];

export function consoleRoutes(router: Router, dependencies: ConsoleDependencies): void {
  const room = createRoom(router, dependencies);
  for (const pages of PAGES) pages(room);
}

/** Answers everything under /admin. */
export function createConsole(dependencies: ConsoleDependencies): Middleware {
  addSentences(consoleSentences);
  const router = new Router({ exclusive: true });
  consoleRoutes(router, dependencies);
  const [routes, allowedMethods] = [router.routes(), router.allowedMethods()] as [Middleware, Middleware];
  return (ctx, next) => routes(ctx, () => allowedMethods(ctx, next));
}
