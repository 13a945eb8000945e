import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { type Clients, type Ports, register } from '../../../demo/registration.ts';
import { startService } from '../../../demo/service/server.ts';
import { startSpa } from '../../../demo/spa/server.ts';
import { startWebApp } from '../../../demo/web-app/server.ts';
import { freePort } from '../../support/ports.ts';
import { type Letters, readLetters } from '../../account/support/mail.ts';
import { launchBrowser } from '../../support/browser.ts';
import { atEnd } from '../../support/cleanup.ts';
import { type Postern, type PosternOptions, startPostern } from '../../support/postern.ts';
import { createDatabase } from '../../support/postgres.ts';
import { redisUrl } from '../../support/redis.ts';

export const STORES = ['PostgreSQL', 'PostgreSQL and Redis'] as const;

/** Postern, the three demos registered with it, and a browser. */
export interface Stage {
  postern: Postern;
  clients: Clients;
  /** The mail sent by Postern. */
  letters: Letters;
  webApp: string;
  spa: string;
  service: string;
  /** A browser context of its own: cookies and storage are separate. */
  visitor(options?: BrowserContextOptions): Promise<{ context: BrowserContext; page: Page }>;
  /** Stops the server as an operator would, and starts it again with the same stores and port. */
  restart(): Promise<void>;
}

/** @param ports where the demos listen. Unless given, on free ports. */
export async function setStage(
  stores: (typeof STORES)[number] = 'PostgreSQL and Redis',
  options: PosternOptions = {},
  ports?: Ports,
): Promise<Stage> {
  const [databaseUrl, redis] = await Promise.all([
    options.databaseUrl ?? createDatabase().then(({ url }) => url),
    stores === 'PostgreSQL' ? undefined : redisUrl(),
  ]);
  let postern = await startPostern({
    ...options,
    settings: { registration: { verifyEmail: true }, ...options.settings },
    databaseUrl,
    ...(redis === undefined ? {} : { redisUrl: redis }),
  });
  const chosen = ports ?? { webApp: await freePort(), spa: await freePort(), service: await freePort() };
  const issuer = postern.url;
  const clients = await register({
    issuer,
    ports: chosen,
    dataDir: postern.env['DATA_DIR'] ?? '',
    env: postern.env,
  });
  const [webApp, spa, service] = await Promise.all([
    startWebApp({ issuer, port: chosen.webApp, ...clients.webApp }),
    startSpa({ issuer, port: chosen.spa, ...clients.spa }),
    startService({ issuer, port: chosen.service, ...clients.service }),
  ]);
  for (const demo of [webApp, spa, service]) atEnd(() => demo.close());
  const browser: Browser = await launchBrowser();
  return {
    get postern() {
      return postern;
    },
    clients,
    letters: readLetters(postern),
    webApp: webApp.url,
    spa: spa.url,
    service: service.url,
    async visitor(visitor = {}) {
      const context = await browser.newContext({ locale: 'en-US', ...visitor });
      context.setDefaultTimeout(20_000);
      return { context, page: await context.newPage() };
    },
    async restart() {
      await postern.stop('SIGTERM');
      postern = await startPostern({ env: postern.env });
    },
  };
}
